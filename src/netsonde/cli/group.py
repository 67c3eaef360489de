# SPDX-License-Identifier: Apache-2.0
"""The root command: a Typer group that imports a verb only when it is called."""

import importlib
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from netsonde.cli.verbs import VERBS, root_help

_MODULES = {verb.name: verb.module for verb in VERBS}


class LazyGroup(TyperGroup):
    """Knows its verbs by name."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _MODULES:
            # Typer proposes commands that it has been given, and it has none.
            similar = get_close_matches(cmd_name, _MODULES)
            if similar and not ctx.resilient_parsing:
                ctx.fail(f"No such command {cmd_name!r}. Did you mean {', '.join(map(repr, similar))}?")
            return None
        verb = importlib.import_module(f"netsonde.cli.{_MODULES[cmd_name]}")
        return get_command(verb.app)

    def get_help(self, ctx: Any) -> str:
        return root_help()


app = typer.Typer(cls=LazyGroup, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback()
def root() -> None:
    """The verbs are in `verbs.py`; each is a module of its own."""
