# SPDX-License-Identifier: Apache-2.0
"""Profiles: servers by name, each with whom to trust and who one is there, in a file of the user's.

`--profile NAME` before the verb, or NETSONDE_PROFILE, chooses one, else the file's default. Secrets are in files that a
profile names, not in it. Nothing is read of it unless there is such a file.
"""

import json
import os
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Final

from netsonde.errors import UserError

MEMBERS: Final[Mapping[str, str]] = {
    "url": "NETSONDE_URL",
    "ca": "NETSONDE_CA",
    "username": "NETSONDE_USERNAME",
    "password_file": "NETSONDE_PASSWORD_FILE",
    "token_file": "NETSONDE_TOKEN",
}
"""What a profile may say, and the variable by which every verb is told."""
_ELSEWHERE: Final = ("--url", "--analyzer")
Profile = Mapping[str, str]


class Profiles:
    """The file of profiles."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.default = ""
        self.known: dict[str, dict[str, str]] = {}
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            self.default = str(found.get("default", ""))
            self.known = {str(name): _checked(name, one) for name, one in found.get("profiles", {}).items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, AttributeError, TypeError) as bad:
            raise UserError(f"cannot read the profiles in {file}: {bad}", hint="mend it, or delete it") from bad

    def named(self, name: str) -> Profile:
        if name not in self.known:
            known = ", ".join(sorted(self.known)) or "none"
            raise UserError(
                f"there is no profile {name!r}; there are: {known}", hint="`netsonde profile set` makes one"
            )
        return self.known[name]

    def write(self) -> None:
        """Write the file anew, as a whole, for its owner alone."""
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            json.dump({"default": self.default, "profiles": self.known}, out, indent=1)
        draft.replace(self.file)


def profiles_file() -> Path:
    """Return where profiles are kept. Raises UserError for a user without a home."""
    from netsonde.client.credentials import logins_file

    return logins_file().with_name("profiles.json")


def use_profile(chosen: str, arguments: Sequence[str], environ: MutableMapping[str, str]) -> None:
    """Tell every verb of this process, by its environment, what a profile says. Raises UserError.

    `chosen` comes with the command line and leaves nothing of the environment: a token is for one server. The default
    profile of the file does not count where something else names the server.
    """
    name = chosen or environ.get("NETSONDE_PROFILE", "")
    if not name and (environ.get("NETSONDE_URL") or any(one.partition("=")[0] in _ELSEWHERE for one in arguments)):
        return
    try:
        file = profiles_file()
    except UserError:
        if not name:
            return
        raise
    if not name and not file.exists():
        return
    profiles = Profiles(file)
    name = name or profiles.default
    if not name:
        return
    profile = profiles.named(name)
    for variable in MEMBERS.values():
        environ.pop(variable, None)
    for member, value in profile.items():
        environ[MEMBERS[member]] = _secret(value) if member == "token_file" else value


def _secret(file: str) -> str:
    from netsonde.cli.secrets import read_secret

    return read_secret(Path(file))


def _checked(name: object, one: object) -> dict[str, str]:
    if not isinstance(one, dict) or not all(isinstance(value, str) for value in one.values()):
        raise TypeError(f"the profile {name!r} is no table of texts")
    unknown = sorted(one.keys() - MEMBERS.keys())
    if unknown:
        raise TypeError(f"the profile {name!r} has {unknown[0]!r}; profiles have {', '.join(MEMBERS)}")
    return one
