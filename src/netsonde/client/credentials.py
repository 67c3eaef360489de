# SPDX-License-Identifier: Apache-2.0
"""Who a client says it is: what it is given, else the environment, else what `netsonde login` wrote.

NETSONDE_TOKEN is a token; NETSONDE_USERNAME goes with NETSONDE_PASSWORD_FILE. The file of logins has one token a server
and may be read by its owner only.
"""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path

from netsonde.client.server import Server
from netsonde.errors import UserError

_SAYS_WHO = frozenset({"authorization", "x-auth-token", "cookie"})


def with_credentials(
    headers: Mapping[str, str] | None,
    server: Server,
    *,
    token: str | None = None,
    username: str | None = None,
    password: str | None = None,
) -> dict[str, str]:
    """Return the headers of every request. What they say already of who it is stays. Raises UserError."""
    given = dict(headers or {})
    if token:
        return {**given, "Authorization": f"Bearer {token}"}
    if username:
        return {**given, "Authorization": basic(username, password or "")}
    if any(name.lower() in _SAYS_WHO for name in given):
        return given
    found = _of_environment() or _of_login(server)
    return {**given, "Authorization": found} if found else given


def basic(username: str, password: str) -> str:
    """Return a name and a password as a header (RFC 7617)."""
    if ":" in username:
        raise UserError(f"the name {username!r} has a colon, which no name can have")
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def logins_file() -> Path:
    """Return where logins are kept. Raises UserError for a user without a home, such as that of a service."""
    try:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    except RuntimeError as homeless:
        raise UserError("this user has no home directory to keep logins in", hint="set XDG_CONFIG_HOME") from homeless
    return folder / "netsonde" / "logins.json"


def read_logins() -> dict[str, str]:
    """Return tokens by server. Raises UserError for a file that others may read, or that is none of ours."""
    try:
        file = logins_file()
    except UserError:
        # Who cannot keep logins has none, and may still ask.
        return {}
    try:
        if file.stat().st_mode & 0o077:
            raise UserError(f"others may read the tokens in {file}", hint=f"chmod 600 {file}, and log in anew")
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as bad:
        raise UserError(f"cannot read the logins in {file}: {bad}", hint="`netsonde login` writes it anew") from bad
    return {str(url): str(token) for url, token in found.items()} if isinstance(found, dict) else {}


def write_login(server: Server, token: str) -> Path:
    """Keep the token of a server, "" = forget it; returns the file, mode 0600."""
    file = logins_file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        known = read_logins()
    except UserError:
        known = {}
    known.pop(_origin(server), None)
    if token:
        known[_origin(server)] = token
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump(known, out, indent=1)
    draft.replace(file)
    return file


def _of_environment() -> str:
    token = os.environ.get("NETSONDE_TOKEN", "")
    if token:
        return f"Bearer {token}"
    name, file = os.environ.get("NETSONDE_USERNAME", ""), os.environ.get("NETSONDE_PASSWORD_FILE", "")
    if not name:
        return ""
    if not file:
        raise UserError("NETSONDE_USERNAME is set without NETSONDE_PASSWORD_FILE", hint="or use `netsonde login`")
    try:
        return basic(name, Path(file).read_text(encoding="utf-8").split("\n", 1)[0])
    except (OSError, UnicodeDecodeError) as missing:
        raise UserError(f"cannot read the password in {file}: {missing}") from missing


def _of_login(server: Server) -> str:
    token = read_logins().get(_origin(server), "")
    return f"Bearer {token}" if token else ""


def _origin(server: Server) -> str:
    """Return the server without what differs between spellings: a token goes to no other port or scheme."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{server.scheme}://{host}:{server.port}{server.prefix}"
