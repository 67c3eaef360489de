# SPDX-License-Identifier: Apache-2.0
"""The JavaScript shell on a terminal: prompt_toolkit reads statements, and completes names that the script knows."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.shortcuts import CompleteStyle

from netsonde.cli.prompt import enter_ends, history_of
from netsonde.cli.script_shell import Names

_TYPED: Final = re.compile(r"[\w$]+(?:\.[\w$]*)*$")
_SIGN: Final = "shell> "


class Typed:
    """Statements that a user types; Ctrl-C drops a line, Ctrl-D ends."""

    def __init__(self, history: Path) -> None:
        self._completer = NameCompleter()
        self._prompt: PromptSession[str] = PromptSession(
            history=history_of(history),
            completer=self._completer,
            complete_style=CompleteStyle.MULTI_COLUMN,
            complete_while_typing=False,
            multiline=True,
            key_bindings=enter_ends(is_complete),
            prompt_continuation=lambda width, _line, _wrapped: "." * (width - 1) + " ",
            enable_history_search=True,
        )

    async def next(self, names: Names) -> str | None:
        self._completer.names = names
        while True:
            try:
                statement = await self._prompt.prompt_async(_SIGN, handle_sigint=False)
            except KeyboardInterrupt:
                continue
            except EOFError:
                return None
            if statement.strip():
                return statement


class NameCompleter(Completer):
    """Completes what is before the cursor by the names that the script has told."""

    def __init__(self) -> None:
        self.names: Names = {}

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        found = _TYPED.search(document.text_before_cursor)
        *path, begun = (found[0] if found else "").split(".")
        place: object = self.names
        for name in path:
            place = place.get(name) if isinstance(place, Mapping) else None
        for name in sorted(place) if isinstance(place, Mapping) else ():
            if name.startswith(begun):
                yield Completion(name, -len(begun))


def is_complete(text: str) -> bool:
    """Tell whether a statement ends here: no bracket and no string is open, and no step is missing."""
    depth, quote, is_escaped = 0, "", False
    for character in text:
        if is_escaped:
            is_escaped = False
        elif quote:
            is_escaped = character == "\\"
            # A string in quotes ends with its line, whatever is missing: the engine says what.
            if character == quote or (character == "\n" and quote != "`"):
                quote = ""
        elif character in "'\"`":
            quote = character
        else:
            depth += (character in "([{") - (character in ")]}")
    return depth <= 0 and quote != "`" and not text.rstrip().endswith((".", "=>", "&&", "||"))
