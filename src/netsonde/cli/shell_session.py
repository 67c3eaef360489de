# SPDX-License-Identifier: Apache-2.0
"""What the shell does with what is typed: queries, and commands that begin with a backslash. Knows no terminal."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from netsonde.cli.asking import Shape, Source, answer
from netsonde.cli.output import say
from netsonde.errors import UserError

_NO_TIME = ("", "now")


class Command(NamedTuple):
    """One command of the shell."""

    name: str
    argument: str
    help: str


COMMANDS = (
    Command("at", "TIME", "ask about a time, such as -5m or 2026-03-01T10:00:00Z; now = the present again"),
    Command("explain", "QUERY", "run a query and show each step with its index, rows and time"),
    Command("help", "[STEP]", "this list, or what a step does"),
    Command("output", "FORM", f"form of answers: {', '.join(shape.value for shape in Shape)}"),
    Command("quit", "", "leave; Ctrl-D does the same"),
    Command("steps", "", "list the steps of the language"),
    Command("watch", "QUERY", "show the answer, then what changes, until Ctrl-C"),
)


class Session:
    """The state of a shell: what is asked, in which form, as of when."""

    def __init__(self, source: Source, output: Shape = Shape.TABLE) -> None:
        self.source = source
        self.output = output
        self.at = ""
        self.is_over = False
        self._commands: dict[str, Callable[[str], None]] = {
            "at": self._set_time,
            "explain": self._explain,
            "help": self._help,
            "output": self._set_output,
            "quit": self._quit,
            "steps": lambda _: self._list_steps(),
            "watch": self._watch,
        }

    def run_all(self, lines: Iterable[str]) -> bool:
        """Run statements of a script; returns whether all of them worked. A query may go on over several lines."""
        worked, statement = True, ""
        for line in lines:
            statement += line
            if is_complete(statement):
                worked = self.run(statement) and worked
                statement = ""
            if self.is_over:
                return worked
        return self.run(statement) and worked

    def run(self, statement: str) -> bool:
        """Run what was typed; tells the user what is wrong with it, and returns whether anything was."""
        text = statement.strip()
        if not text or text.startswith(("#", "//")):
            return True
        try:
            if text.startswith("\\"):
                self._command(text[1:])
            else:
                answer(self.source, self._timed(text), self.output)
        except UserError as wrong:
            say(wrong.explain())
            return False
        return True

    def _command(self, text: str) -> None:
        name, _, rest = text.partition(" ")
        found = [command for command in self._commands if command.startswith(name.lower())] if name else []
        if len(found) != 1 and name not in self._commands:
            raise UserError(f"there is no command \\{name}", hint="\\help lists them")
        self._commands[name if name in self._commands else found[0]](rest.strip())

    def _timed(self, text: str) -> str:
        if self.at in _NO_TIME:
            return text
        from netsonde.cli.past import as_of

        return as_of(text, self.at)

    def _set_time(self, time: str) -> None:
        if time not in _NO_TIME:
            from netsonde.cli.past import as_of
            from netsonde.query import parse

            parse(as_of("G", time))
        self.at = time

    def _set_output(self, form: str) -> None:
        if form not in [shape.value for shape in Shape]:
            raise UserError(f"there is no form {form!r}", hint=f"use {', '.join(shape.value for shape in Shape)}")
        self.output = Shape(form)

    def _explain(self, text: str) -> None:
        from netsonde.cli.explaining import show_explanation

        show_explanation(self.source, self._timed(text), self.output)

    def _watch(self, text: str) -> None:
        from netsonde.cli.client import Client
        from netsonde.cli.watching import watch

        if not isinstance(self.source, Client):
            raise UserError("a file does not change", hint="\\watch needs a server")
        watch(self.source, text, self.output, 2.0)

    def _help(self, step: str) -> None:
        if step:
            from netsonde.query.steps._registry import STEPS

            spec = STEPS.get(step.lower().strip("()."))
            if spec is None:
                raise UserError(f"there is no step named {step!r}", hint="\\steps lists them")
            print(f"{spec.name}: {spec.build.__doc__ or 'no description'}")
            return
        width = max(len(f"{one.name} {one.argument}") for one in COMMANDS)
        for one in COMMANDS:
            print(f"\\{f'{one.name} {one.argument}'.ljust(width)}  {one.help}")
        print("Anything else is a query, such as G.V().Has('Type', 'veth'). It goes on to the next line while a")
        print("parenthesis is open. The tabulator completes steps, keys and values; Ctrl-R searches the history.")

    def _list_steps(self) -> None:
        from netsonde.query.steps._registry import STEPS

        for name in dict.fromkeys(spec.name for spec in STEPS.values()):
            doc = (STEPS[name.lower()].build.__doc__ or "").partition("\n")[0]
            print(f"{name.ljust(16)}{doc}")

    def _quit(self, _: str) -> None:
        self.is_over = True


def is_complete(text: str) -> bool:
    """Tell whether a statement ends here: no parenthesis or string is open, and the next line does not go on."""
    if text.lstrip().startswith("\\"):
        return True
    depth, quote, is_escaped = 0, "", False
    for character in text:
        if quote:
            is_escaped, quote = (
                (character == "\\" and not is_escaped),
                ("" if character == quote and not is_escaped else quote),
            )
        elif character in "'\"":
            quote = character
        else:
            depth += (character == "(") - (character == ")")
    return depth <= 0 and not quote and not text.rstrip().endswith(".")
