# SPDX-License-Identifier: Apache-2.0
"""`netsonde access`: users, tokens and the policy, in files on the analyzer's host."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import Column, say, show
from netsonde.cli.processes import Config, StateDir
from netsonde.cli.secrets import new_password
from netsonde.cli.times import clock_time
from netsonde.settings import Settings

app = new_app("Users, tokens and rights; run it on the analyzer's host, as the user of its state directory.")
user_app = new_app("Users with passwords.")
token_app = new_app("API tokens, for programs and for agents that enrol.")
app.add_typer(user_app, name="user")
agent_app = new_app("Agents that have enrolled.")
app.add_typer(agent_app, name="agent")
app.add_typer(token_app, name="token")

Roles: TypeAlias = Annotated[list[str] | None, typer.Option("--role", metavar="ROLE", help="May be repeated.")]
PasswordFile: TypeAlias = Annotated[
    Path | None, typer.Option("--password-file", metavar="FILE", help="Read the password from there; - is stdin.")
]
_DAY = 86400


@user_app.command("add")
def add_user(
    name: str,
    role: Roles = None,
    password_file: PasswordFile = None,
    config: Config = None,
    state_dir: StateDir = "",
) -> None:
    """Add a user, or change password and roles of one."""
    from netsonde.access.users import put_user

    settings = _settings(config, state_dir)
    file = _users_file(settings)
    put_user(file, name, new_password(name, password_file), _roles(settings, role))
    say(f"{name} is in {file}")
    _say_when_unused(settings, "basic")


@user_app.command("roles")
def change_roles(name: str, role: Roles = None, config: Config = None, state_dir: StateDir = "") -> None:
    """Change the roles of a user, and not the password."""
    from netsonde.access.users import put_user

    settings = _settings(config, state_dir)
    put_user(_users_file(settings), name, None, _roles(settings, role))


@user_app.command("delete")
def delete_user(name: str, config: Config = None, state_dir: StateDir = "") -> None:
    """Delete a user; sessions of that user end."""
    from netsonde.access.users import drop_user

    drop_user(_users_file(_settings(config, state_dir)), name)


@user_app.command("list")
def list_users(output: Output = Form.TABLE, config: Config = None, state_dir: StateDir = "") -> None:
    """List users and their roles."""
    from netsonde.access.policy import policy_of
    from netsonde.access.users import Users

    settings = _settings(config, state_dir)
    policy = policy_of(settings.access)
    users = Users(_users_file(settings), settings.access.users)
    rows = [
        {"Name": one.name, "Roles": sorted(one.roles | policy.granted(one.name)) or [settings.access.default_role]}
        for one in sorted(users.all())
    ]
    show(rows, output, _USER_COLUMNS, rows)
    if users.file.problem:
        say(users.file.problem)


@token_app.command("create")
def new_token(
    name: str,
    role: Roles = None,
    days: Annotated[float, typer.Option("--days", help="Days until it expires; 0 = never.")] = 365.0,
    uses: Annotated[int, typer.Option("--uses", min=0, help="How often an agent can enrol by it; 0 = any.")] = 0,
    config: Config = None,
    state_dir: StateDir = "",
) -> None:
    """Make a token and print it; it cannot be shown again."""
    from netsonde.access.tokens import create_token

    settings = _settings(config, state_dir)
    roles = _roles(settings, role) or frozenset({settings.access.default_role} - {""})
    file = settings.state_dir / "access" / "tokens"
    print(create_token(file, name, roles, now_s=time.time(), lasts_s=days * _DAY, uses=uses))
    _say_when_unused(settings, "token")


@token_app.command("list")
def list_tokens(output: Output = Form.TABLE, config: Config = None, state_dir: StateDir = "") -> None:
    """List tokens, without their secrets."""
    from netsonde.access.tokens import Tokens

    tokens = Tokens(_settings(config, state_dir).state_dir / "access" / "tokens")
    rows = [
        {
            "ID": one.id,
            "Name": one.name,
            "Roles": sorted(one.roles),
            "Created": one.created * 1000,
            "Expires": one.expires * 1000,
            "Uses": one.uses,
        }
        for one in sorted(tokens.all(), key=lambda token: token.name)
    ]
    show(rows, output, _TOKEN_COLUMNS, rows)
    if tokens.file.problem:
        say(tokens.file.problem)


@token_app.command("revoke")
def revoke(name: str, config: Config = None, state_dir: StateDir = "") -> None:
    """Revoke the token with this ID, or all with this name; sessions opened with it end."""
    from netsonde.access.tokens import revoke_token

    revoke_token(_settings(config, state_dir).state_dir / "access" / "tokens", name)


@agent_app.command("list")
def list_agents(output: Output = Form.TABLE, config: Config = None, state_dir: StateDir = "") -> None:
    """List hosts whose agents have enrolled."""
    from netsonde.access.enrolment import Agents

    rows = [{"Host": host} for host in Agents(_settings(config, state_dir).state_dir / "access").hosts()]
    show(rows, output, (("HOST", lambda row: row["Host"]),), rows)


@agent_app.command("accounts")
def print_accounts(
    server: Annotated[
        str, typer.Option("--server", metavar="SUBJECT", help="Subject of the analyzers' certificates.")
    ] = "CN=netsonde server",
    config: Config = None,
    state_dir: StateDir = "",
) -> None:
    """Print the accounts for a nats-server of your own: one for the analyzers, and one for each agent."""
    from netsonde.access.enrolment import Agents, subject_of
    from netsonde.bus.permissions import accounts

    hosts = Agents(_settings(config, state_dir).state_dir / "access").hosts()
    told = {"accounts": accounts(server, [(subject_of(host), host) for host in hosts])}
    # nats-server does not know JSON's \u.
    print(json.dumps(told, indent=2, ensure_ascii=False))


@agent_app.command("forget")
def forget(host: str, config: Config = None, state_dir: StateDir = "") -> None:
    """Let the agent of a host on the bus no more; it may enrol again."""
    from netsonde.access.enrolment import forget_agent

    forget_agent(_settings(config, state_dir).state_dir / "access", host)


@app.command("setup")
def setup(
    name: Annotated[
        list[str], typer.Option("--name", metavar="NAME", help="How clients call this server: names, addresses.")
    ],
    admin: Annotated[str, typer.Option("--admin", metavar="USER", help="The first user.")] = "admin",
    password_file: PasswordFile = None,
    days: Annotated[float, typer.Option("--days", help="Days that the server's certificate lasts.")] = 825.0,
    config: Config = None,
    state_dir: StateDir = "",
) -> None:
    """Make a certificate authority, a certificate, and a first user; print the settings to use.

    Nothing that is there is replaced but the server's certificate, so this renews it as well.
    """
    from netsonde.access.authority import open_authority
    from netsonde.access.files import write_private
    from netsonde.access.users import Users, put_user

    settings = _settings(config, state_dir)
    directory = settings.state_dir / "access"
    authority = open_authority(directory)
    names = [*name, "localhost", "127.0.0.1"]
    certificate, key = authority.server(list(dict.fromkeys(names)), days)
    write_private(directory / "server.key", key.decode())
    write_private(directory / "server.pem", certificate.decode())
    file = _users_file(settings)
    if Users(file, {}).get(admin) is None:
        put_user(file, admin, new_password(admin, password_file), frozenset({"admin"}))
    say(f"clients trust {directory / 'ca.pem'}: --cacert, NETSONDE_CA, or among the authorities of their machine")
    print(_SETTINGS.format(directory=directory, names=", ".join(f'"{one}"' for one in name)), end="")


_SETTINGS = """\
[analyzer]
listen = "0.0.0.0:8082"
allowed_hosts = [{names}]
tls_certificate = "{directory}/server.pem"
tls_key = "{directory}/server.key"

[access]
backends = ["basic", "token"]
"""


@app.command("hash")
def print_hash(password_file: PasswordFile = None) -> None:
    """Print the hash of a password, for the setting access.users."""
    from netsonde.access.passwords import hashed

    print(hashed(new_password("the user", password_file)))


@app.command("whoami")
def show_whoami(output: Output = Form.TABLE, url: Url = DEFAULT_URL) -> None:
    """Show who the server takes one for, and what one may do there."""
    from netsonde.cli.client import Client

    found = Client(url).get("/api/whoami", dict[str, Any])
    rows = [one for one in found["Permissions"] if one["Allowed"]]
    show(found, output, _WHOAMI_COLUMNS, rows)
    if output is Form.TABLE:
        name = found["User"] or ("nobody: a login is required" if found["LoginRequired"] else "everybody")
        say(f"{name}, roles: {' '.join(found['Roles']) or 'none'}")


@app.command("rights")
def print_rights(output: Output = Form.TABLE, config: Config = None, state_dir: StateDir = "") -> None:
    """Show which role may do what, with what the settings add."""
    from netsonde.access.policy import policy_of
    from netsonde.access.rights import RIGHTS

    policy = policy_of(_settings(config, state_dir).access)
    rows = [
        {
            "Right": str(right),
            "Roles": sorted(role for role in policy.roles if policy.allows(frozenset({role}), right)),
        }
        for right in RIGHTS
    ]
    show(rows, output, _RIGHT_COLUMNS, rows)


def _settings(config: Path | None, state_dir: str) -> Settings:
    from netsonde.config import load

    return load(Settings, file=config, environ=os.environ, overrides={"state_dir": state_dir} if state_dir else {})


def _users_file(settings: Settings) -> Path:
    return settings.access.users_file or settings.state_dir / "access" / "users"


def _roles(settings: Settings, given: list[str] | None) -> frozenset[str] | None:
    from netsonde.access.policy import policy_of

    if given is None:
        return None
    known = policy_of(settings.access).roles
    unknown = [role for role in given if role not in known]
    if unknown:
        raise typer.BadParameter(f"there is no role {unknown[0]}; roles are {', '.join(sorted(known))}")
    return frozenset(given)


def _say_when_unused(settings: Settings, backend: str) -> None:
    if backend not in settings.access.backends:
        print(f'hint: it counts once access.backends has "{backend}" in it', file=sys.stderr)


_USER_COLUMNS: tuple[Column, ...] = (
    ("NAME", lambda row: row["Name"]),
    ("ROLES", lambda row: " ".join(row["Roles"])),
)
_WHOAMI_COLUMNS: tuple[Column, ...] = (
    ("OBJECT", lambda row: row["Object"]),
    ("ACTION", lambda row: row["Action"]),
)
_TOKEN_COLUMNS: tuple[Column, ...] = (
    ("ID", lambda row: row["ID"]),
    ("NAME", lambda row: row["Name"]),
    ("ROLES", lambda row: " ".join(row["Roles"])),
    ("CREATED", lambda row: clock_time(row["Created"])),
    ("EXPIRES", lambda row: clock_time(row["Expires"]) if row["Expires"] else "never"),
    ("USES", lambda row: str(row["Uses"] or "any")),
)
_RIGHT_COLUMNS: tuple[Column, ...] = (
    ("RIGHT", lambda row: row["Right"]),
    ("ROLES", lambda row: " ".join(row["Roles"])),
)
