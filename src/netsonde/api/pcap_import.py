# SPDX-License-Identifier: Apache-2.0
"""Import of packet files: POST /api/pcap. The body goes to a temporary file, never into memory."""

import asyncio
import errno
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec
from litestar import Response, Router, post

from netsonde.access.rights import PCAP_WRITE
from netsonde.api.errors import TooLarge
from netsonde.api.requests import AnyRequest, ServicesDep, json_response
from netsonde.errors import UserError

_MAGIC = (b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a")
"""Classic pcap in both byte orders, with microseconds and nanoseconds; pcapng."""
_GZIP = b"\x1f\x8b"
_STEP = 1024 * 1024


class ImportAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    """What was imported; the flows can be queried by `CaptureID`. Times are Unix ms."""

    capture_id: str = msgspec.field(name="CaptureID")
    packets: int
    flows: int
    start: int
    last: int
    damage: str


@post(
    "/api/pcap",
    right=PCAP_WRITE,
    operation_id="injectPCAP",
    summary="Meter a pcap or pcapng file, plain or gzip, into history",
    status_code=202,
    request_max_body_size=None,
)
async def import_pcap(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    try:
        with tempfile.NamedTemporaryFile(prefix="netsonde-", suffix=".pcap") as file:
            await _store(request.stream(), file, services.settings.max_pcap)
            found = await services.pcap.import_file(Path(file.name))
    except OSError as failed:
        if failed.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise TooLarge(
            f"there is no room for the packet file in {tempfile.gettempdir()} on the analyzer's host",
            hint="`netsonde meter FILE` needs none; TMPDIR in the analyzer's environment names another directory",
        ) from failed
    answer = ImportAnswer(found.capture_id, found.packets, found.flows, found.start_ms, found.last_ms, found.damage)
    return json_response(answer, status=202)


async def _store(body: AsyncIterator[bytes], file: IO[bytes], limit: int) -> None:
    """Write the body, unpacked; raises UserError at its first bytes when it is no packet file."""
    head = b""
    size = 0
    async for part in _unpacked(body):
        if len(head) < 4:
            head += part[: 4 - len(head)]
            _check_head(head)
        size += len(part)
        if size > limit:
            raise TooLarge(f"the packet file has more than {limit} bytes", hint="`netsonde meter FILE` has no limit")
        await asyncio.to_thread(file.write, part)
    if len(head) < 4:
        raise UserError(f"the body has {len(head)} bytes: too short for a packet file", hint=_HINT)
    file.flush()


async def _unpacked(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the body, gunzipped when it starts like gzip, in steps that a small bomb cannot blow up."""
    begin = b""
    unpacker = None
    async for chunk in body:
        if unpacker is None:
            begin += chunk
            if len(begin) < len(_GZIP):
                continue
            unpacker = _unpacker(begin)
            chunk = begin
        try:
            for part in unpacker(chunk):
                yield part
        except zlib.error as bad:
            raise UserError(f"the gzip stream is damaged: {bad}", hint="send the file again, or unpacked") from bad
    if unpacker is None and begin:
        yield begin


def _unpacker(begin: bytes) -> Callable[[bytes], Iterator[bytes]]:
    if not begin.startswith(_GZIP):
        return lambda chunk: iter((chunk,))
    stream = zlib.decompressobj(wbits=31)

    def unpack(chunk: bytes) -> Iterator[bytes]:
        nonlocal stream
        while chunk:
            if stream.eof:
                # gzip files may be concatenated (RFC 1952 §2.2), as pigz and log rotation write them.
                stream = zlib.decompressobj(wbits=31)
            yield stream.decompress(chunk, _STEP)
            chunk = stream.unused_data if stream.eof else stream.unconsumed_tail

    return unpack


def _check_head(head: bytes) -> None:
    if not any(magic.startswith(head) for magic in _MAGIC):
        raise UserError(f"the body is no packet file: it starts with {head.hex(' ')}", hint=_HINT)


_HINT = "send a pcap or pcapng file, plain or gzipped: curl --data-binary @FILE"

router = Router("/", route_handlers=[import_pcap], tags=["pcap"])
