# SPDX-License-Identifier: Apache-2.0
"""Logs on stderr: key=value for people, one JSON object a line for programs."""

import logging
import sys
from typing import Literal, TextIO, cast

import structlog

from netsonde.redact import HIDDEN, is_secret_name, redacted


class _Stderr:
    """Whatever standard error is when something is written: loggers outlive what it was when they were made."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure_logging(service: str, level: str = "info", form: Literal["auto", "text", "json"] = "auto") -> None:
    """Set up structlog for this process; colours only when stderr is a terminal.

    Raises ValueError for an unknown level.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"unknown log level {level!r}; known: debug, info, warning, error")
    as_json = form == "json"
    # Tracebacks without local variables: these may hold secrets, and packets of strangers.
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


def _without_secrets(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Hide what is a secret by its name or its look."""
    for name, value in event.items():
        if name != "key" and is_secret_name(name):  # the key of a bucket is none
            event[name] = HIDDEN
        elif isinstance(value, str):
            event[name] = redacted(value)
        elif not isinstance(value, int | float | bool | None):
            event[name] = redacted(str(value))
    return event


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module; `name` is its area, such as `captures` or `probes.ovsdb`."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger(area=name))
