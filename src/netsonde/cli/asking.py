# SPDX-License-Identifier: Apache-2.0
"""A query put to a server or to a file, and its answer shown: `netsonde query` and the shell do the same."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import msgspec

from netsonde.cli.options import Form
from netsonde.cli.output import print_json, say
from netsonde.cli.results import BY_OWNER, is_by_owner, items_of, rows_of_owners, show_answer
from netsonde.client.answers import Completions, Explanation
from netsonde.errors import UserError


class Shape(StrEnum):
    """Forms of a query's answer."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    DOT = "dot"
    PCAP = "pcap"
    PCAPNG = "pcapng"


ACCEPT = {
    Shape.DOT: "text/vnd.graphviz",
    Shape.PCAP: "application/vnd.tcpdump.pcap",
    Shape.PCAPNG: "application/x-pcapng",
}
"""Forms that the server makes."""


class Source(Protocol):
    """What answers queries: a server, or a file."""

    missing: list[str]

    def query(self, gremlin: str, accept: str) -> bytes: ...
    def kind_of(self, gremlin: str) -> str: ...
    def why_empty(self, gremlin: str) -> UserError | None: ...
    def explain(self, gremlin: str, *, profile: bool) -> Explanation: ...
    def complete(self, text: str, cursor: int) -> Completions: ...


def source_of(graph: Path | None, url: str) -> Source:
    """Return what is to be asked."""
    if graph is not None:
        from netsonde.cli.offline import GraphFile

        return GraphFile(graph)
    from netsonde.cli.client import Client

    return Client(url)


def answer(source: Source, text: str, output: Shape) -> None:
    """Run a query and show what it gives."""
    if output in ACCEPT:
        _write_bytes(source.query(text, ACCEPT[output]), is_text=output is Shape.DOT)
        return
    found = msgspec.json.decode(source.query(text, "application/json") or b"null")
    missing = source.missing
    if output is Shape.JSON:
        print_json(found)
    elif not items_of(found):
        _explain(source, text)
    else:
        show_answer(_laid_out(source, text, found, output), Form(output.value))
    for note in missing:
        say(note)


def _laid_out(source: Source, text: str, found: Any, output: Shape) -> Any:
    """Return an answer as it is shown: for a reader each rule, socket or point of what is listed by owner is a row."""
    if output is Shape.YAML or not is_by_owner(found):
        return found
    return rows_of_owners(found[0]) if source.kind_of(text) in BY_OWNER else found


def _explain(source: Source, text: str) -> None:
    """Say that nothing was found, and why, when that is known."""
    say("nothing found")
    reason = source.why_empty(text)
    if reason is not None:
        say(reason.explain().removeprefix("error: "))


def _write_bytes(content: bytes, *, is_text: bool) -> None:
    if not is_text and sys.stdout.isatty():
        raise UserError("packets are not for a terminal", hint="write them to a file: … > packets.pcap")
    sys.stdout.buffer.write(content)
