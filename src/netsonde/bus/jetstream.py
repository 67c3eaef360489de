# SPDX-License-Identifier: Apache-2.0
"""The JetStream API as requests in JSON: streams, consumers, acknowledged publishing.

Source: https://docs.nats.io/reference/reference-protocols/nats_api_reference; errors are told by their `err_code`.
"""

import base64
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from netsonde.bus.link import Link
from netsonde.errors import Conflict, NotFound, SourceLost
from netsonde.observe import logger

log = logger("bus")

API = "$JS.API"

_STREAM_NOT_FOUND = 10059
_CONSUMER_NOT_FOUND = 10014
_MESSAGE_NOT_FOUND = 10037
_WRONG_LAST_SEQUENCE = (10071, 10164)
_NAME_IN_USE = 10058


@dataclass(frozen=True, slots=True)
class Delivery:
    """One stored message. `pending` = how many follow at once; 0 means that the reader has caught up.

    `stored_ns` is when the server stored it, Unix ns by the server's clock; 0 = not known.
    """

    subject: str
    data: bytes
    headers: dict[str, str]
    sequence: int
    pending: int
    stored_ns: int = 0


class JetStream:
    """JetStream over one link. A refusal by the server is SourceLost with its words, except where noted."""

    def __init__(self, link: Link, timeout: float, api: str = API) -> None:
        """`api` is what requests begin with."""
        self.link = link
        self._timeout = timeout
        self._api = api

    async def api(self, verb: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make one request; raises NotFound and Conflict as the server says, SourceLost for the rest."""
        data = json.dumps(body).encode() if body is not None else b""
        message = await self.link.request(f"{self._api}.{verb}", data, timeout=self._timeout)
        return _checked(message.data, verb)

    async def publish(self, subject: str, data: bytes, headers: dict[str, str] | None = None) -> int:
        """Store a message and return its sequence; Conflict when an expected revision does not hold."""
        message = await self.link.request(subject, data, timeout=self._timeout, headers=headers)
        return int(_checked(message.data, subject)["seq"])

    async def ensure_stream(self, config: dict[str, Any]) -> None:
        """Create the stream, or leave the one that is there: its operator may have given it other limits."""
        name = config["name"]
        try:
            present = (await self.api(f"STREAM.INFO.{name}"))["config"]
        except NotFound:
            with suppress(Conflict):  # another process made it meanwhile
                await self.api(f"STREAM.CREATE.{name}", config)
            return
        if present.get("allow_rollup_hdrs") and not config.get("allow_rollup_hdrs"):
            # Made by a build that let every writer take all messages away.
            closed = {"allow_rollup_hdrs": False, "subject_delete_marker_ttl": 0}
            try:
                await self.api(f"STREAM.UPDATE.{name}", {**present, **closed})
            except SourceLost as refused:
                # It works all the same; whoever runs that server may not let us.
                log.warning("a stream stays open to roll-ups", stream=name, reason=str(refused))

    async def message(self, stream: str, which: dict[str, Any]) -> Delivery:
        """Return one stored message; raises NotFound when there is none. `which` is in the words of the API."""
        found = (await self.api(f"STREAM.MSG.GET.{stream}", which))["message"]
        raw = base64.b64decode(found.get("hdrs", "")).decode(errors="replace")
        lines = (line.split(":", 1) for line in raw.split("\r\n") if ":" in line)
        headers = {name: value.strip() for name, value in lines}
        data = base64.b64decode(found.get("data", ""))
        return Delivery(str(found["subject"]), data, headers, int(found["seq"]), 0, _unix_ns(found.get("time", "")))

    async def last(self, stream: str, subject: str) -> Delivery:
        """Return the last message of a subject; raises NotFound when there is none, SourceLost without the stream."""
        found = await self.link.request(f"{self._api}.DIRECT.GET.{stream}.{subject}", b"", timeout=self._timeout)
        headers = {name: str(value) for name, value in (found.headers or {}).items()}
        if headers.get("Status") == "404":
            raise NotFound(f"{stream} has nothing at {subject}")
        try:
            sequence, stored_ns = int(headers.pop("Nats-Sequence")), _unix_ns(headers.pop("Nats-Time-Stamp"))
        except (KeyError, ValueError) as bad:
            raise SourceLost(f"{stream} does not answer for {subject}: {headers}") from bad
        return Delivery(subject, found.data, headers, sequence, 0, stored_ns)

    async def last_sequence(self, stream: str) -> int:
        return (await self.extent(stream))[1]

    async def extent(self, stream: str) -> tuple[int, int]:
        """Return the sequences of the first and the last message; of an empty stream the first is the greater one."""
        state = (await self.api(f"STREAM.INFO.{stream}"))["state"]
        # Where nothing has ever been written both are 0; no message has that number.
        return max(1, int(state["first_seq"])), int(state["last_seq"])

    async def create_consumer(self, stream: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
        """Create or update the consumer and return its info."""
        body = {"stream_name": stream, "config": {"name": name, **config}}
        return await self.api(f"CONSUMER.CREATE.{stream}.{name}", body)

    async def delete_consumer(self, stream: str, name: str) -> None:
        with suppress(NotFound, SourceLost):  # gone already, or with the connection
            await self.api(f"CONSUMER.DELETE.{stream}.{name}")


def _unix_ns(text: str) -> int:
    """Return a time in RFC 3339 with up to nine digits of a second, 0 when it is none."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    try:
        return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 1_000_000_000 + int(f"{fraction:0<9}"[:9])
    except ValueError:
        return 0


def _checked(data: bytes, what: str) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except ValueError as bad:
        raise SourceLost(f"{what}: the answer is not JSON") from bad
    error = answer.get("error") if isinstance(answer, dict) else {"description": "not an object"}
    if not error:
        return dict(answer)
    code, words = error.get("err_code", 0), f"{what}: {error.get('description', 'refused')}"
    if code in (_STREAM_NOT_FOUND, _CONSUMER_NOT_FOUND, _MESSAGE_NOT_FOUND):
        raise NotFound(words)
    if code in _WRONG_LAST_SEQUENCE or code == _NAME_IN_USE:
        raise Conflict(words)
    raise SourceLost(words)
