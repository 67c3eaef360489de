# SPDX-License-Identifier: Apache-2.0
"""Tells each host which of its nodes a capture wants whose query only the merged graph can answer.

Writes: the bucket `capture-targets`. One analyzer does it at a time; agents go on with the last targets meanwhile.
"""

import asyncio

from netsonde.captures.catalogue import Catalogue
from netsonde.captures.stores import host_key, split_key
from netsonde.errors import SourceLost
from netsonde.model.captures import CaptureTargets
from netsonde.model.stores import Store


class TargetWriter:
    """Keeps the bucket equal to what the queries match."""

    def __init__(self, catalogue: Catalogue, store: Store[CaptureTargets]) -> None:
        self._catalogue = catalogue
        self._store = store
        self._changed = asyncio.Event()

    def wake(self) -> None:
        self._changed.set()

    async def run(self) -> None:
        """Compare everything once, then follow changes; runs while the lease is held."""
        written = await self._store.items()
        uuids = {split_key(key)[0] for key in written}
        uuids.update(capture.uuid for capture in self._catalogue.definitions())
        while True:
            for uuid in uuids:
                await self._write(uuid, written)
            await self._changed.wait()
            self._changed.clear()
            uuids = set(self._catalogue.retargeted)
            self._catalogue.retargeted.clear()

    async def _write(self, uuid: str, written: dict[str, CaptureTargets]) -> None:
        wanted = {host_key(uuid, host): targets for host, targets in self._catalogue.targets(uuid).items()}
        stale = [key for key in written if split_key(key)[0] == uuid and key not in wanted]
        try:
            for key, targets in wanted.items():
                if written.get(key) != targets:
                    await self._store.put(key, targets)
                    written[key] = targets
            for key in stale:
                await self._store.delete(key)
                del written[key]
        except SourceLost:
            # Without the bus there is no lease either: who gets it next compares everything anew.
            self._catalogue.retargeted.add(uuid)
            self._changed.set()
            await asyncio.sleep(1.0)
