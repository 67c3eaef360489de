# SPDX-License-Identifier: Apache-2.0
"""Secrets that settings name by their files, read where they are needed, so that the files may be replaced."""

from pathlib import Path

from netsonde.errors import UserError


def read_secret_file(file: Path, setting: str) -> str:
    """Return what is in a file, without white space around it; raises UserError that names the setting."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as wrong:
        reason = wrong.strerror if isinstance(wrong, OSError) else "it is no text"
        raise UserError(
            f"cannot read the secret in {file}: {reason}", hint=f"set {setting} to a readable file"
        ) from wrong
