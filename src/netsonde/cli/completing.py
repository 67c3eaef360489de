# SPDX-License-Identifier: Apache-2.0
"""What the user's shell completes after TAB: resources that the server has now, by name and by UUID.

Asked with a short time limit, and silent: who presses TAB wants no error, and no wait for a server that is away.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec
import typer

from netsonde.cli.client import Client
from netsonde.cli.options import DEFAULT_URL
from netsonde.cli.profiles import use_profile
from netsonde.client import alert_calls, calls, check_calls, injections, rule_calls, workflow_calls
from netsonde.client.call import Call
from netsonde.errors import UserError

Completer = Callable[[typer.Context, str], list[tuple[str, str]]]

_PATIENCE: Final = 1.0
"""Seconds for connecting, and for each wait for more of an answer."""
_MOST: Final = 500
"""Words that are offered; a shell shows no more in any useful way."""
_SAYS_WHAT: Final = ("name", "workflow_name", "gremlin_query", "expression", "src", "query", "description")
"""Members of resources, the first that is there describes them."""
_WORD: Final = re.compile(r"[\w.@%+,/][\w.@%+,/=-]*", re.ASCII)
_SPECIAL: Final = re.compile(r"[^\w .,()@%+=/-]", re.ASCII)
_LONGEST: Final = 60


def _offering(*questions: Callable[[], Call[Any]]) -> Completer:
    """Return what offers the resources that some calls list."""

    def complete(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        try:
            client = _client(context)
            for question in questions:
                found += words(client.send(question()), incomplete)
        except UserError:
            pass
        return found[:_MOST]

    return complete


def _offering_elements(step: str, path: str) -> Completer:
    """Return what offers ids of nodes or edges that begin with what is typed: the server chooses, there may be many."""

    def complete(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        if incomplete and not _WORD.fullmatch(incomplete):
            return []
        chosen = f".Has('{path}', StartingWith('{incomplete}'))"
        try:
            answer = _client(context).query(f"G.{step}(){chosen}.Limit({_MOST})")
            found = msgspec.json.decode(answer or b"[]", type=list[_Element])
        except (UserError, msgspec.MsgspecError):
            return []
        ids = ((one.id if path == "@ID" else str(one.metadata.get(path, "")), one.words) for one in found)
        return [(word, about) for word, about in ids if word.startswith(incomplete) and _WORD.fullmatch(word)]

    return complete


class _Element(msgspec.Struct):
    """A node or an edge, as far as it is described."""

    id: str = msgspec.field(name="ID")
    host: str = msgspec.field(name="Host", default="")
    metadata: dict[str, Any] = msgspec.field(name="Metadata", default_factory=dict)

    @property
    def words(self) -> str:
        known = (self.metadata.get(key, "") for key in ("Type", "RelationType", "Name"))
        return _SPECIAL.sub("_", " ".join(map(str, filter(None, (*known, self.host)))))[:_LONGEST]


def words(resources: Iterable[Any], incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield names with their UUIDs, and UUIDs with their names, where one begins with what is typed.

    Other users chose the names, and shells evaluate what they are offered: a name that a shell would take for more than
    a word is not offered, its UUID is.
    """
    for one in resources:
        name, uuid = getattr(one, "name", ""), one.uuid
        if name.startswith(incomplete) and _WORD.fullmatch(name):
            yield name, uuid
        if uuid.startswith(incomplete) and _WORD.fullmatch(uuid):
            yield uuid, _description(one)


def _description(one: Any) -> str:
    """Say what a UUID stands for, in characters that mean nothing to a shell."""
    texts = (getattr(one, member, "") for member in _SAYS_WHAT)
    return _SPECIAL.sub("_", next((text for text in texts if text), ""))[:_LONGEST]


def _client(context: typer.Context) -> Client:
    """Return the server that the unfinished command line names, else that of the environment."""
    given: dict[str, Any] = {}
    around: Any = context
    while around is not None:
        given = {**around.params, **given}
        around = around.parent
    url = str(given.get("url") or given.get("analyzer") or DEFAULT_URL)
    if DEFAULT_URL.endswith(url):
        use_profile("", (), os.environ)
        url = os.environ.get("NETSONDE_URL") or url
    return Client(
        url if "://" in url else f"http://{url}",
        username=given.get("username") or "",
        password=given.get("password") or "",
        timeout=_PATIENCE,
    )


nodes: Final = _offering_elements("V", "@ID")
interfaces: Final = _offering_elements("V", "TID")
edges: Final = _offering_elements("E", "@ID")
captures: Final = _offering(calls.captures)
checks: Final = _offering(check_calls.checks)
alerts: Final = _offering(alert_calls.alerts)
workflows: Final = _offering(workflow_calls.workflows)
jobs: Final = _offering(workflow_calls.jobs)
injected: Final = _offering(injections.injections)
node_rules: Final = _offering(lambda: rule_calls.rules(rule_calls.NODE))
edge_rules: Final = _offering(lambda: rule_calls.rules(rule_calls.EDGE))
rules: Final = _offering(lambda: rule_calls.rules(rule_calls.NODE), lambda: rule_calls.rules(rule_calls.EDGE))
