# SPDX-License-Identifier: Apache-2.0
"""The command line. Exit status: 0 done, 1 failed, 2 wrong usage, 3 no server, 130 interrupted."""

import os
import sys

from netsonde import __version__
from netsonde.errors import UserError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

DONE, FAILED, USAGE, NO_SERVER, INTERRUPTED = 0, 1, 2, 3, 130


def main() -> int:
    """Run the command line of this process."""
    arguments = sys.argv[1:]
    status = run(arguments)
    if arguments[:1] == ["meter"]:
        _leave(status)
    return status


def _leave(status: int) -> "NoReturn":
    """End the process without taking its memory apart: the kernel does that in one go."""
    try:
        sys.stdout.flush()
    except OSError as failed:
        print(f"error: cannot write to standard output: {failed.strerror}", file=sys.stderr)
        status = FAILED
    os._exit(status)


def _say(wrong: UserError) -> None:
    from netsonde.cli.output import say

    say(wrong.explain())


def run(arguments: "Sequence[str]") -> int:
    """Run a command line; returns the exit status."""
    if not arguments and "_NETSONDE_COMPLETE" not in os.environ:
        print(_root_help(), file=sys.stderr, end="")
        return USAGE
    try:
        arguments = _without_credentials(arguments)
    except UserError as wrong:
        _say(wrong)
        return USAGE
    if arguments and arguments[0] in ("-h", "--help", "help"):
        print(_root_help(), end="")
        return DONE
    if arguments and arguments[0] in ("--version", "version"):
        print(f"netsonde {__version__}")
        return DONE
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output had enough; Python would complain about it once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


_ASKING_NOBODY = frozenset({"agent", "analyzer", "allinone", "meter", "profile"})
"""Verbs that ask no server: a broken profile must not keep them from starting, nor reading it make them slower."""
_CREDENTIALS = {
    "--username": "NETSONDE_USERNAME",
    "--password-file": "NETSONDE_PASSWORD_FILE",
    "--token": "NETSONDE_TOKEN",
    "--token-file": "NETSONDE_TOKEN",
    "--cacert": "NETSONDE_CA",
}


def _without_credentials(arguments: "Sequence[str]") -> "Sequence[str]":
    """Take what says who one is from before the verb; every verb reads it from the environment."""
    profile, arguments = _profile_of(arguments)
    if profile or (arguments and arguments[0] not in _ASKING_NOBODY):
        from netsonde.cli.profiles import use_profile

        use_profile(profile, arguments, os.environ)
    while arguments and arguments[0].partition("=")[0] in _CREDENTIALS:
        option, equals, value = arguments[0].partition("=")
        if not equals and len(arguments) < 2:
            raise UserError(f"{option} needs a value")
        value, arguments = (value, arguments[1:]) if equals else (arguments[1], arguments[2:])
        if option == "--token-file":
            from pathlib import Path

            from netsonde.cli.secrets import read_secret

            value = read_secret(Path(value))
        os.environ[_CREDENTIALS[option]] = value
    return arguments


def _profile_of(arguments: "Sequence[str]") -> "tuple[str, Sequence[str]]":
    """Return the profile that is named before the verb, and the rest: what else stands there adds to it."""
    for position, one in enumerate(arguments):
        option, equals, value = one.partition("=")
        if option == "--profile":
            if not equals and position + 1 >= len(arguments):
                raise UserError("--profile needs a value")
            end = position + 1 if equals else position + 2
            return value if equals else arguments[position + 1], [*arguments[:position], *arguments[end:]]
        if not one.startswith("-") and arguments[position - 1] not in _CREDENTIALS:
            break
    return "", arguments


def _root_help() -> str:
    from netsonde.cli.verbs import root_help

    return root_help()


def _dispatch(arguments: "Sequence[str]") -> int:
    if arguments and arguments[0] == "meter":
        # A million packets are metered in less time than importing Typer takes.
        from netsonde.cli.metering import meter_file, plain_request

        request = plain_request(arguments[1:])
        if request is not None:
            return _explained(lambda: meter_file(request))
    if arguments:
        from netsonde.cli.plain import plain_process

        process = plain_process(arguments)
        if process is not None:
            return _explained(process)
    return _dispatch_by_typer(arguments)


def _explained(command: "Callable[[], int]") -> int:
    try:
        return command()
    except UserError as wrong:
        _say(wrong)
        return FAILED


def _dispatch_by_typer(arguments: "Sequence[str]") -> int:
    from netsonde.cli.client import NoServer
    from netsonde.cli.group import app

    try:
        app(list(arguments), prog_name="netsonde")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else FAILED if ended.code else DONE
    except NoServer as away:
        _say(away)
        return NO_SERVER
    except UserError as wrong:
        _say(wrong)
        return FAILED
    return DONE
