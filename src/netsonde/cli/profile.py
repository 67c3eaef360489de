# SPDX-License-Identifier: Apache-2.0
"""`netsonde profile`: servers by name."""

from pathlib import Path
from typing import Annotated

import typer

from netsonde.cli.options import Form, Output, new_app
from netsonde.cli.output import Column, say, show
from netsonde.cli.profiles import MEMBERS, Profiles, profiles_file
from netsonde.client.server import server_at
from netsonde.errors import UserError

app = new_app(
    "Servers by name: `netsonde --profile NAME …` asks that one, and knows whom to trust and who you are there."
)


def _known(incomplete: str) -> list[str]:
    try:
        return [name for name in Profiles(profiles_file()).known if name.startswith(incomplete)]
    except UserError:
        return []


Name = Annotated[str, typer.Argument(metavar="NAME", autocompletion=_known)]


@app.command("set", epilog="Example: netsonde profile set lab --url https://netsonde.lab:8082 --cacert lab-ca.pem")
def put(
    name: Name,
    url: Annotated[str, typer.Option("--url", metavar="URL", help="The server.")],
    ca: Annotated[Path | None, typer.Option("--cacert", metavar="FILE", help="Whom to trust in TLS.")] = None,
    username: Annotated[str, typer.Option("--username", "-u", help="Who you are there.")] = "",
    password_file: Annotated[
        Path | None, typer.Option("--password-file", metavar="FILE", help="Read the password from there.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help="Read a token from there.")
    ] = None,
) -> None:
    """Make a profile, or make it anew; the first one is the default."""
    if username and password_file is None:
        raise typer.BadParameter("--username goes with --password-file; without them `netsonde login` logs in")
    server_at(url)
    files = {"ca": ca, "password_file": password_file, "token_file": token_file}
    paths = {member: str(file.absolute()) for member, file in files.items() if file is not None}
    profiles = Profiles(profiles_file())
    profiles.known[name] = {"url": url, **({"username": username} if username else {}), **paths}
    profiles.default = profiles.default or name
    profiles.write()
    say(f"{name} is in {profiles.file}")


@app.command()
def use(name: Name) -> None:
    """Make a profile the default one: it counts where neither --url nor NETSONDE_URL names a server."""
    profiles = Profiles(profiles_file())
    profiles.named(name)
    profiles.default = name
    profiles.write()


@app.command()
def delete(name: Name) -> None:
    """Forget a profile."""
    profiles = Profiles(profiles_file())
    profiles.named(name)
    del profiles.known[name]
    profiles.default = "" if profiles.default == name else profiles.default
    profiles.write()


@app.command("list")
def list_profiles(output: Output = Form.TABLE) -> None:
    """List profiles; * is the default one."""
    profiles = Profiles(profiles_file())
    rows = [
        {"Name": name, "Default": name == profiles.default, **{member: one.get(member, "") for member in MEMBERS}}
        for name, one in sorted(profiles.known.items())
    ]
    show(rows, output, _COLUMNS, rows)


_COLUMNS: tuple[Column, ...] = (
    ("", lambda row: "*" if row["Default"] else ""),
    ("NAME", lambda row: row["Name"]),
    ("URL", lambda row: row["url"]),
    ("USER", lambda row: row["username"] or ("by token" if row["token_file"] else "")),
    ("TRUSTS", lambda row: row["ca"]),
)
