# SPDX-License-Identifier: Apache-2.0
"""Packet files metered into history, each under a capture id of its own."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from netsonde._native import FileMeter
from netsonde.api.services import PcapSummary
from netsonde.errors import UserError

Write = Callable[[Sequence[bytes]], Awaitable[None]]

IMPORTED = "pcap-"
"""How the capture ids of packet files begin."""
_NS_PER_MS = 1_000_000


class PcapImporter:
    """Implements `PcapImport` of the API; `write` stores batches of flows, None where there is no history."""

    def __init__(self, host: str, write: Write | None) -> None:
        self._host = host
        self._write = write

    async def import_file(self, path: Path) -> PcapSummary:
        if self._write is None:
            raise UserError(
                "there is no history to keep the flows of the file in",
                hint="set history.enabled, or use `netsonde meter FILE`",
            )
        capture_id = f"{IMPORTED}{uuid.uuid4()}"
        meter = FileMeter(path, format="batches", capture_id=capture_id, host=self._host)
        pieces = iter(meter)
        # The meter works without the GIL, so the loop goes on while a large file is read.
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            if piece:
                await self._write([piece])
        stats = meter.stats()
        if stats["packets"] == 0 and meter.damage:
            raise UserError(f"not a packet file: {meter.damage}", hint="send a pcap or pcapng file, plain or gzip")
        return PcapSummary(
            capture_id,
            stats["packets"],
            stats["flows"],
            stats["first_ns"] // _NS_PER_MS,
            stats["last_ns"] // _NS_PER_MS,
            meter.damage or "",
        )
