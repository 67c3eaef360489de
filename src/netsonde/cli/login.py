# SPDX-License-Identifier: Apache-2.0
"""`netsonde login` and `netsonde logout`: a session for the command line, in a file that only its owner can read."""

import getpass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import msgspec
import typer

from netsonde.cli.client import Client
from netsonde.cli.options import DEFAULT_URL, Url, new_app
from netsonde.cli.output import say
from netsonde.cli.secrets import read_secret, typed_password
from netsonde.client.call import Call, as_json, nothing
from netsonde.client.credentials import write_login
from netsonde.errors import UserError

app = new_app()


class _Login(msgspec.Struct):
    token: str = msgspec.field(name="Token")


@app.command()
def login(
    url: Url = DEFAULT_URL,
    username: Annotated[str, typer.Option("--username", "-u", help="The name; else that of this machine's user.")] = "",
    password_file: Annotated[
        Path | None, typer.Option("--password-file", metavar="FILE", help="Read the password, or a token, from there.")
    ] = None,
) -> None:
    """Log in to a server, for the commands that follow; `netsonde logout` ends it."""
    name = username or getpass.getuser()
    password = typed_password(name) if password_file is None else read_secret(password_file)
    body = urlencode({"username": name, "password": password}).encode()
    # Old credentials must not stand in the way of new ones.
    client = Client(url, {"Cookie": ""})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    token = client.send(Call("POST", "/login", as_json(_Login), body, headers)).token
    if not token:
        raise UserError(f"nobody has to log in at {client.url}")
    say(f"logged in at {client.url} as {name}; the session is kept in {write_login(client.api.server, token)}")


def logout(url: Url = DEFAULT_URL) -> None:
    """End the session of this command line."""
    client = Client(url)
    client.send(Call("POST", "/logout", nothing))
    write_login(client.api.server, "")
