# SPDX-License-Identifier: Apache-2.0
"""The help of every verb as one page of the reference documentation."""

import contextlib
import io
import os
from collections.abc import Iterator
from unittest import mock

from netsonde.cli.group import app
from netsonde.cli.verbs import VERBS, root_help

_INTRODUCTION = """\
# Command line

Generated from `netsonde COMMAND --help`. Data goes to standard output, everything else to standard error; colours
appear on terminals only. `--output json|yaml|csv` is for programs. The server is named by `--url` or `NETSONDE_URL`.
"""
_CAPTURE = ("create", "list", "get", "delete")
_GROUPS = {
    "topology": ("export", "import"),
    "capture": (*_CAPTURE, "update", "pause", "resume", "packets", "follow"),
    "workflow": ("create", "list", "get", "delete", "call", "jobs", "job", "cancel"),
    "inject": ("create", "list", "get", "delete", "audit"),
    "client": (
        *("query", "status", "pcap", "topology export", "topology query"),
        *(f"capture {verb}" for verb in _CAPTURE),
        *(f"injection {verb}" for verb in _CAPTURE),
        *(f"workflow {verb}" for verb in (*_CAPTURE, "call")),
    ),
}


def help_page() -> str:
    """Return the page; the width does not depend on the terminal."""
    with mock.patch.dict(os.environ, {"COLUMNS": "100", "LINES": "50"}):
        return "\n".join([_INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    yield _section("netsonde", root_help())
    for verb in VERBS:
        yield _section(f"netsonde {verb.name}", _help([verb.name]))
        for inner in _GROUPS.get(verb.name, ()):
            yield _section(f"netsonde {verb.name} {inner}", _help([verb.name, *inner.split()]))


def _section(title: str, text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"## {title}\n\n```\n{lines}\n```\n"


def _help(command: list[str]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        app([*command, "--help"], prog_name="netsonde")
    return out.getvalue()
