# SPDX-License-Identifier: Apache-2.0
"""Webhooks: the message as JSON, signed.

`X-Netsonde-Signature: t=<Unix s>,v1=<hex>` is HMAC-SHA256 with `notify.secret` over `<Unix s>.<body>`: a receiver
compares it in constant time and refuses old times. `X-Netsonde-Delivery` is the same when a notice comes once more.
"""

import hashlib
import hmac
from collections.abc import Callable

import msgspec

from netsonde.model.notices import Notice
from netsonde.notify.senders.http import Poster


class Webhooks:
    """Sends messages to URLs."""

    def __init__(self, poster: Poster, secret: str, now_ms: Callable[[], int]) -> None:
        self._poster = poster
        self._secret = secret
        self._now_ms = now_ms

    def check(self, target: str) -> None:
        self._poster.check(target)

    async def send(self, target: str, notice: Notice) -> None:
        body = msgspec.json.encode(notice.message)
        headers = {"X-Netsonde-Delivery": notice.id}
        if self._secret:
            headers["X-Netsonde-Signature"] = signature(self._secret, body, self._now_ms() // 1000)
        await self._poster.post(target, body, headers)


def signature(secret: str, body: bytes, time_s: int) -> str:
    """Return the value of the signature's header."""
    digest = hmac.new(secret.encode(), f"{time_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={time_s},v1={digest}"
