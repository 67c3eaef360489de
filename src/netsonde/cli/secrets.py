# SPDX-License-Identifier: Apache-2.0
"""Passwords typed or read from files: never from the command line, which every user of the machine can read."""

import getpass
import sys
from pathlib import Path

from netsonde.errors import UserError


def read_secret(file: Path) -> str:
    """Return the first line of a file, or of standard input for `-`. Raises UserError."""
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as missing:
        raise UserError(f"cannot read the secret in {file}: {missing}") from missing
    line = text.split("\n", 1)[0].rstrip("\r")
    if not line:
        raise UserError(f"{file} has no secret in its first line")
    return line


def typed_password(name: str) -> str:
    """Ask a person. Raises UserError where there is none."""
    if not sys.stdin.isatty():
        raise UserError(f"no password for {name} was given", hint="--password-file FILE, or - for standard input")
    return getpass.getpass(f"Password of {name}: ")


def new_password(name: str, file: Path | None) -> str:
    """Return a password that is to be set; typed, it is asked for twice."""
    if file is not None:
        return read_secret(file)
    password = typed_password(name)
    if getpass.getpass("Once more: ") != password:
        raise UserError("the two passwords are not the same")
    return password
