# SPDX-License-Identifier: Apache-2.0
"""The shell on a terminal: prompt_toolkit reads lines, keeps the history, and asks for completions in a thread."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.shortcuts import CompleteStyle

from netsonde.cli.asking import Shape, Source
from netsonde.cli.output import plain, say
from netsonde.cli.shell_session import COMMANDS, Session, is_complete
from netsonde.client.answers import Completions
from netsonde.errors import NotFound, UserError


def converse(session: Session, history: Path, where: str) -> None:
    """Read and run statements until the user leaves. Ctrl-C drops a line or stops an answer, Ctrl-D leaves."""
    prompt: PromptSession[str] = PromptSession(
        history=history_of(history),
        completer=ThreadedCompleter(QueryCompleter(session)),
        complete_style=CompleteStyle.MULTI_COLUMN,
        complete_while_typing=False,
        multiline=True,
        key_bindings=enter_ends(is_complete),
        prompt_continuation=lambda width, _line, _wrapped: "." * (width - 1) + " ",
        enable_history_search=True,
    )
    say(f"{where}; \\help helps, Ctrl-D leaves")
    while not session.is_over:
        try:
            session.run(prompt.prompt(_sign(session)))
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


class QueryCompleter(Completer):
    """Completions of the server; of this program where the server has none."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_local = False

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        text = document.text
        if text.lstrip().startswith("\\"):
            yield from self._commands(document.text_before_cursor.lstrip())
            return
        cursor = document.cursor_position
        found = self._found(text, cursor)
        # Items come from the network; a control character in one must not reach the terminal.
        for item in found.items:
            shown, info = plain(item.text), plain(item.info)
            yield Completion(item.text, found.start - cursor, display=shown, display_meta=info or item.kind)

    def _found(self, text: str, cursor: int) -> Completions:
        source = self._session.source
        if not self._is_local:
            try:
                return source.complete(text, cursor)
            except NotFound:
                # A server that is older than its own completion.
                self._is_local = True
            except UserError:
                return Completions()
        return local(text, cursor, source)

    def _commands(self, typed: str) -> Iterator[Completion]:
        name, space, rest = typed[1:].partition(" ")
        if not space:
            for one in COMMANDS:
                if one.name.startswith(name):
                    yield Completion(f"\\{one.name}", -len(typed), display_meta=one.help)
        elif "output".startswith(name):
            yield from (Completion(shape.value, -len(rest)) for shape in Shape if shape.value.startswith(rest))


def local(text: str, cursor: int, source: Source) -> Completions:
    from netsonde.cli.local_completion import complete

    return complete(text, cursor, source)


def enter_ends(is_over: Callable[[str], bool]) -> KeyBindings:
    """Enter ends a statement that is complete, and begins another line of one that is not."""
    keys = KeyBindings()

    @Condition
    def _is_choosing() -> bool:
        from prompt_toolkit.application import get_app

        return get_app().current_buffer.complete_state is not None

    @keys.add("enter", filter=~_is_choosing)
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_over(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @keys.add("enter", filter=_is_choosing)
    def _accept(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    return keys


def _sign(session: Session) -> str:
    return f"netsonde {session.at}> " if session.at not in ("", "now") else "netsonde> "


def history_of(file: Path) -> History:
    """Return the history of a file that only its owner can read; queries name what a site has."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_APPEND, 0o600))
    except OSError as failed:
        say(f"no history: cannot write {file}: {failed.strerror}")
        return InMemoryHistory()
    return FileHistory(str(file))
