# SPDX-License-Identifier: Apache-2.0
"""What a change of a node that a probe shows means for the user layer. Pure.

The user layer lies above what probes say, key by key: a value of the user's hides the probe's until it is taken away,
then the probe's shows again. What a probe says cannot be removed, since it says it again; nor can its identity change.
"""

from typing import Final

from netsonde.errors import Conflict
from netsonde.graph.equality import same_json
from netsonde.model.elements import Metadata

IDENTITY: Final = ("Name", "Type", "TID")
"""Keys that no user may change: queries, captures and flows find the node by them."""


def annotation_after(annotation: Metadata, base: Metadata, before: Metadata, after: Metadata) -> Metadata:
    """Return the annotation that makes `after` of a node that shows `before`.

    `base` is what the node shows without the annotation. Raises Conflict for the removal of what a probe says.
    """
    return _layer(annotation, base, before, with_identity(before, after), "Metadata")


def with_identity(before: Metadata, after: Metadata) -> Metadata:
    """Return `after` with the identity of `before`, whatever a client sent."""
    kept: Metadata = {name: before[name] for name in IDENTITY if name in before}
    return {**{name: value for name, value in after.items() if name not in IDENTITY}, **kept}


def _layer(annotation: Metadata, base: Metadata, before: Metadata, after: Metadata, place: str) -> Metadata:
    layer: Metadata = {}
    for name in before.keys() - after.keys():
        if name in base and name not in annotation:
            raise Conflict(
                f"{place}.{name} is what a probe or a rule says, so it cannot be removed",
                hint="replace it to hide it; removing your value shows the other again",
            )
    for name, value in after.items():
        mine, theirs, was = annotation.get(name), base.get(name), before.get(name)
        if name in before and same_json(was, value):
            if name in annotation:
                layer[name] = annotation[name]
        elif isinstance(value, dict) and isinstance(was, dict) and isinstance(theirs, dict):
            below = _layer(mine if isinstance(mine, dict) else {}, theirs, was, value, f"{place}.{name}")
            if below:
                layer[name] = below
        elif name not in base or not same_json(theirs, value):
            layer[name] = value
    return layer
