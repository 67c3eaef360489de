# SPDX-License-Identifier: Apache-2.0
"""What agent, analyzer and all-in-one have in common as processes: settings, logs, loop, signals, exit code."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from netsonde.config import load
from netsonde.errors import UserError
from netsonde.model.presence import ComponentHealth
from netsonde.observe import Health, configure_logging, logger
from netsonde.settings import Settings

Main = Callable[[Settings, asyncio.Event], Awaitable[None]]
"""Runs a component until the event is set, then stops it in order."""


def run_process(
    service: str,
    main: Main,
    config_file: Path | None,
    overrides: dict[str, str],
    *,
    check: bool,
    verify: Callable[[Settings], None] = lambda _: None,
) -> int:
    """Run one process of Netsonde until SIGTERM or SIGINT; returns its exit code.

    With `check` the settings are read and validated, and nothing is started. `verify` raises UserError for settings
    that are well-formed and that this process refuses all the same.
    """
    try:
        settings = load(Settings, file=config_file, environ=os.environ, overrides=overrides)
        verify(settings)
    except UserError as wrong:
        print(wrong.explain(), file=sys.stderr)  # noqa: T201
        return 2
    if check:
        print(f"{service}: settings are good", file=sys.stderr)  # noqa: T201
        return 0
    leave_standard_input()
    configure_logging(service, settings.log.level, settings.log.form)
    _raise_file_limit()
    return _run(service, main, settings)


def leave_standard_input() -> None:
    """Let this process, and its children, find nothing on standard input, whatever it was started with.

    The engine of the history takes what comes there for rows of each insert, and makes it non-blocking meanwhile, for
    all who share it: killed by then, it leaves a terminal so, and the shell behind it reads the end of its input.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    if nothing == 0:  # that was closed
        os.set_inheritable(0, True)
    else:
        os.dup2(nothing, 0)
        os.close(nothing)


def component(health: Health) -> ComponentHealth:
    """Return the state of a part as it is told to others."""
    return ComponentHealth(health.name, health.state, health.reason, health.since_ms, dict(health.counters))


def _run(service: str, main: Main, settings: Settings) -> int:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told(main, settings))
    except Exception as ended:
        for error in _leaves(ended):
            _tell(service, error)
        return 1
    return 0


def _tell(service: str, error: BaseException) -> None:
    if isinstance(error, UserError):
        print(error.explain(), file=sys.stderr)  # noqa: T201
    else:
        logger(service).error("stopped by an error", error=str(error), exc_info=error)


async def _until_told(main: Main, settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await main(settings, stop)


def _leaves(ended: BaseException) -> list[BaseException]:
    """Return the errors inside nested exception groups, in order."""
    if not isinstance(ended, BaseExceptionGroup):
        return [ended]
    return [leaf for error in ended.exceptions for leaf in _leaves(error)]


def _raise_file_limit() -> None:
    """A namespace costs some descriptors and a tap one: use what the administrator allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
