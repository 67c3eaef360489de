# SPDX-License-Identifier: Apache-2.0
"""What a script may ask of us, as a Protocol; whoever starts a script passes one that acts with the caller's rights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request got: an HTTP status and the body as text."""

    status: int
    body: str


class Host(Protocol):
    """Answers one script. Everything that reaches it was written by a script: it decides what is allowed."""

    async def request(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> Answer:
        """Answer as the API would: the body is JSON or "", names of headers are in lower case."""
        ...

    def log(self, line: str) -> None:
        """Take a line of the log; lines are counted and cut before."""
        ...

    def progress(self, fraction: float, text: str) -> None:
        """Hear how far the script says it is, from 0 to 1."""
        ...


class Nobody:
    """Answers nothing: for expressions that are to be judged by their bindings alone."""

    async def request(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> Answer:
        return Answer(403, "this script may not ask for anything")

    def log(self, line: str) -> None:
        """Forget the line."""

    def progress(self, fraction: float, text: str) -> None:
        """Forget it."""
