# SPDX-License-Identifier: Apache-2.0
"""Answers of a cloud are read up to a size and until a time, whoever sends them, Keystone and catalogues included."""

import time
from collections.abc import Iterator
from typing import Any, Final

from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

MOST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of one answer, unpacked; 500 ports take 0.6 MB."""
_PIECE: Final = 65536


class AnswerRefused(RequestException):
    """An answer that is longer, or takes longer, than is allowed."""


class BoundedAdapter(HTTPAdapter):
    """Transport of a `requests` session whose answers are bounded; `seconds` for each."""

    def __init__(self, seconds: float, most: int = MOST_BYTES) -> None:
        self._seconds = seconds
        self._most = most
        super().__init__()

    def build_response(self, req: Any, resp: Any) -> Any:
        response = super().build_response(req, resp)
        response.raw = _BoundedBody(resp, self._most, time.monotonic() + self._seconds)
        return response


class _BoundedBody:
    """Stands for urllib3's response, of which `requests` reads the body with `stream`."""

    def __init__(self, body: Any, most: int, until: float) -> None:
        self._body = body
        self._most = most
        self._until = until

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def stream(self, amt: int = _PIECE, decode_content: bool | None = None) -> Iterator[bytes]:
        """Yield the body as it comes: a sender of one byte a second must not hold up a larger read."""
        left = self._most
        while piece := self._read(decode_content):
            left -= len(piece)
            if left < 0:
                raise AnswerRefused(f"an answer is longer than {self._most} bytes")
            if time.monotonic() > self._until:
                raise AnswerRefused("an answer takes too long")
            yield piece

    def _read(self, decode_content: bool | None) -> bytes:
        try:
            piece: bytes = self._body.read1(_PIECE, decode_content=decode_content)
        except HTTPError as broken:
            raise AnswerRefused(f"an answer broke off: {broken}") from broken
        return piece
