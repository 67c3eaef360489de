# SPDX-License-Identifier: Apache-2.0
"""What users say of nodes that probes show: stored, followed, and laid upon the nodes.

Source and writes: the bucket `annotations`, compare-and-set; the graph, through the applier.
"""

from collections.abc import Callable

import msgspec

from netsonde.declared.applying import Applier
from netsonde.declared.checks import check_metadata
from netsonde.declared.settings import DeclaredSettings
from netsonde.declared.stores import patiently
from netsonde.errors import Conflict
from netsonde.model.declared import Annotation
from netsonde.model.elements import Metadata
from netsonde.model.stores import Store


class Annotations:
    """Those of all nodes, also of nodes that are away."""

    def __init__(
        self, store: Store[Annotation], applier: Applier, settings: DeclaredSettings, now_ms: Callable[[], int]
    ) -> None:
        self._store = store
        self._applier = applier
        self._settings = settings
        self._now_ms = now_ms
        self._revisions: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._revisions)

    def of(self, node_id: str) -> Metadata:
        """Return what users say of a node, {} when nothing."""
        return self._applier.annotations.get(node_id, {})

    def all(self) -> dict[str, Metadata]:
        return dict(self._applier.annotations)

    async def write(self, node_id: str, metadata: Metadata, previous: Metadata, check_room: Callable[[], None]) -> None:
        """Say this of a node; Conflict when users do not say `previous` of it any more.

        `check_room` raises UserError when there is none for a new one.
        """
        check_metadata(metadata, self._settings)
        if self.of(node_id) != previous:
            raise Conflict(f"the node {node_id} was changed meanwhile", hint="read it again and repeat")
        revision = self._revisions.get(node_id)
        if not metadata:
            if revision is not None:
                await self._store.delete(node_id, revision=revision)
                self._forget(node_id)
            return
        annotation = Annotation(node_id, metadata, self._now_ms())
        if revision is None:
            check_room()
            written = await self._store.create(node_id, annotation)
        else:
            written = await self._store.update(node_id, annotation, revision)
        self._accept(annotation, written)

    async def follow(self, is_read: Callable[[], None]) -> None:
        """Keep up with the bucket until cancelled; `is_read` is called when all that was there is known."""
        async for entry in patiently(self._store.watch()):
            if entry.kind == "current":
                is_read()
            elif entry.value is None:
                self._forget(entry.key)
            else:
                self._accept(msgspec.structs.replace(entry.value, id=entry.key), entry.revision)

    def _accept(self, annotation: Annotation, revision: int) -> None:
        if revision > self._revisions.get(annotation.id, 0):
            self._revisions[annotation.id] = revision
            self._applier.annotate(annotation.id, annotation.metadata)

    def _forget(self, node_id: str) -> None:
        self._revisions.pop(node_id, None)
        self._applier.annotate(node_id, None)
