# SPDX-License-Identifier: Apache-2.0
"""How a receiver is spelt: `KIND:…`, as the reference spells webhooks and programs, and further kinds."""

from dataclasses import dataclass
from typing import Final, Literal, get_args
from urllib.parse import SplitResult, urlsplit

from netsonde.errors import UserError

Kind = Literal["webhook", "alertmanager", "script", "workflow"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_PREFIXES: Final[dict[str, Kind]] = {
    "http://": "webhook",
    "https://": "webhook",
    "alertmanager+http://": "alertmanager",
    "alertmanager+https://": "alertmanager",
    "file://": "script",
    "workflow:": "workflow",
}
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class Action:
    """A receiver."""

    kind: Kind
    target: str
    """URL of a webhook or Alertmanager, absolute path of a program, name or UUID of a workflow."""


def action_of(text: str) -> Action:
    """Return what an action means; raises UserError for a kind that is not known or a target that is none."""
    kind = next((kind for prefix, kind in _PREFIXES.items() if text.startswith(prefix)), None)
    if kind is None or len(text) > _LONGEST:
        raise UserError(
            f"Action {text[:80]!r} is not understood",
            hint="use http(s)://… (webhook), alertmanager+http(s)://HOST, file:///… (program), workflow:NAME",
        )
    if kind == "script":
        return Action(kind, text.removeprefix("file://"))
    if kind == "workflow":
        return Action(kind, _named(text))
    url = text.removeprefix("alertmanager+")
    split_url(url)
    return Action(kind, url)


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL that can be called; raises UserError."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        # A name that no resolver is asked for, such as one with an empty label.
        (host or "").removesuffix(".").encode("idna")
    except ValueError as wrong:
        raise UserError(f"{url[:80]!r} is no URL: {wrong}") from wrong
    if not host or any(character.isspace() or not character.isprintable() for character in url):
        raise UserError(f"{url[:80]!r} is no URL that can be called", hint="such as https://example.org/hook")
    if parts.username is not None:
        raise UserError(
            "a URL with a name and a password is refused: everybody who reads the alert would see them",
            hint="let the receiver check the signature",
        )
    return parts


def _named(text: str) -> str:
    name = text.removeprefix("workflow:").strip()
    if not name:
        raise UserError("the action names no workflow", hint="write workflow:NAME, or its UUID")
    return name
