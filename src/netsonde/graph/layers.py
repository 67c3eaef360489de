# SPDX-License-Identifier: Apache-2.0
"""Who said what about an element: claims that make it exist, notes upon it, and their merged reading.

Order of merging, the later one winning key by key: probes' claims, probes' notes, `rule.…`, `user…`, `computed…`;
within each by owner's name. Objects under the same key are merged, everything else is replaced.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, Generic, TypeVar

from netsonde.model.elements import Edge, Metadata, Node

E = TypeVar("E", Node, Edge)
_NOTHING: Final[AbstractSet[str]] = frozenset()
_NO_NOTES: Final[Mapping[str, Metadata]] = {}


class Layers(Generic[E]):
    """Claims and notes of one kind of element.

    The common element of an analyzer has one claim, by its own origin, and is served just as it was claimed: that
    claim is not stored but read back from the served element.
    """

    def __init__(self, served: Mapping[str, E]) -> None:
        self._served: Mapping[str, E] = served
        self._claims: dict[str, dict[str, E]] = {}
        self._notes: dict[str, dict[str, Metadata]] = {}
        self._owned: dict[str, set[str]] = {}

    def claims(self, element_id: str) -> Mapping[str, E]:
        """Return the claims by owner; empty when nobody puts the element."""
        stored = self._claims.get(element_id)
        if stored is not None:
            return stored
        served = self._served.get(element_id)
        return {} if served is None else {served.origin: served}

    def notes(self, element_id: str) -> Mapping[str, Metadata]:
        return self._notes.get(element_id, _NO_NOTES)

    def owned(self, owner: str) -> AbstractSet[str]:
        """Return the ids that one owner claims, those of waiting edges among them."""
        return self._owned.get(owner, _NOTHING)

    def claim(self, element_id: str, owner: str, element: E) -> None:
        stored = self._claims.get(element_id)
        if stored is None:
            stored = self._claims[element_id] = dict(self.claims(element_id))
        stored[owner] = element
        self._owned.setdefault(owner, set()).add(element_id)

    def note(self, element_id: str, owner: str, metadata: Metadata) -> None:
        self._keep_claims(element_id)
        self._notes.setdefault(element_id, {})[owner] = metadata

    def drop(self, element_id: str, owner: str) -> None:
        """Withdraw the claim and the note of one owner."""
        self._keep_claims(element_id)
        claims = self._claims.get(element_id)
        if claims is not None and claims.pop(owner, None) is not None:
            self._disown(element_id, owner)
        notes = self._notes.get(element_id)
        if notes is not None:
            notes.pop(owner, None)
            if not notes:
                del self._notes[element_id]

    def forget(self, element_id: str) -> None:
        """Drop every claim and note; the element must not be served any more once this batch is settled."""
        for owner in self.claims(element_id):
            self._disown(element_id, owner)
        self._claims[element_id] = {}
        self._notes.pop(element_id, None)

    def compact(self, element_id: str) -> None:
        """Let go of what the element as it is served now implies; call it when the element is settled."""
        claims = self._claims.get(element_id)
        if claims is None:
            return
        served = self._served.get(element_id)
        if served is None:
            if not claims:
                del self._claims[element_id]
        elif len(claims) == 1 and served.origin in claims and element_id not in self._notes:
            del self._claims[element_id]

    def base(self, element_id: str) -> Metadata:
        """Return what the claims alone say, without any note."""
        claims = self.claims(element_id)
        return merge([claims[owner].metadata for owner in sorted(claims, key=_order)])

    def merged(self, element_id: str) -> Metadata:
        claims = self.claims(element_id)
        notes = self._notes.get(element_id)
        if notes is None and len(claims) == 1:
            return next(iter(claims.values())).metadata
        layers = [((_rank(owner), 0, owner), claim.metadata) for owner, claim in claims.items()]
        if notes is not None:
            layers += [((_rank(owner), 1, owner), note) for owner, note in notes.items()]
        layers.sort(key=lambda layer: layer[0])
        return merge([metadata for _, metadata in layers])

    def _disown(self, element_id: str, owner: str) -> None:
        owned = self._owned.get(owner)
        if owned is not None:
            owned.discard(element_id)
            if not owned:
                del self._owned[owner]

    def _keep_claims(self, element_id: str) -> None:
        """Store the implied claim, since the served element is about to say something else."""
        if element_id not in self._claims and element_id in self._served:
            self._claims[element_id] = dict(self.claims(element_id))


def merge(layers: list[Metadata]) -> Metadata:
    """Return one object from several, the later ones winning; the inputs are never changed."""
    if len(layers) == 1:
        return layers[0]
    merged: Metadata = {}
    for layer in layers:
        for key, value in layer.items():
            before = merged.get(key)
            if isinstance(before, dict) and isinstance(value, dict):
                merged[key] = merge([before, value])
            else:
                merged[key] = value
    return merged


def _rank(owner: str) -> int:
    for rank, prefix in enumerate(("computed", "user", "rule.")):
        if owner.startswith(prefix):
            return 3 - rank
    return 0


def _order(owner: str) -> tuple[int, str]:
    return _rank(owner), owner
