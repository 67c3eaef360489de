# SPDX-License-Identifier: Apache-2.0
"""Changes of `netsonde apply` as unified diffs of YAML."""

import difflib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from netsonde.cli.apply_plan import Change
from netsonde.cli.output import plain

_COLOURS: Final = {"-": "31", "+": "32", "@": "36"}


def print_diff(change: Change) -> None:
    """Print one change on standard output; in colours on terminals."""
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in lines(change):
        colour = _COLOURS.get(line[:1], "") if colours else ""
        print(f"\x1b[{colour}m{line}\x1b[0m" if colour else line)


def lines(change: Change) -> Iterator[str]:
    """Yield the lines of a diff; what comes from the server cannot drive a terminal."""
    here = change.title if change.before else "/dev/null"
    there = f"{change.title} ({change.place})" if change.after else "/dev/null"
    found = difflib.unified_diff(_text(change.before), _text(change.after), here, there, lineterm="")
    return (plain(line.expandtabs()) for line in found)


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML has no types
    """Writes texts of several lines as such, so that a diff shows the line that changed."""


def _represent(dumper: yaml.SafeDumper, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent)


def _text(members: Mapping[str, object]) -> list[str]:
    if not members:
        return []
    text: str = yaml.dump(dict(members), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return text.splitlines()
