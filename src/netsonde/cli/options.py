# SPDX-License-Identifier: Apache-2.0
"""Options that several verbs have."""

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

DEFAULT_URL = "http://127.0.0.1:8082"


class Form(StrEnum):
    """Forms of output of tabular data."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


Url: TypeAlias = Annotated[
    str, typer.Option("--url", envvar="NETSONDE_URL", metavar="URL", help="The server to ask.", show_default=True)
]
Output: TypeAlias = Annotated[
    Form, typer.Option("--output", "-o", help="Tables are for people, the rest for programs.", show_default=True)
]


def new_app(text: str = "") -> typer.Typer:
    """Return an application in plain text, with -h."""
    return typer.Typer(
        help=text or None,
        no_args_is_help=bool(text),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
