# SPDX-License-Identifier: Apache-2.0
"""Whether two graphs say the same, and what a process holds."""

import ctypes
import gc
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from netsonde.graph.batch import OWNERSHIP
from netsonde.graph.graph import Graph
from netsonde.model.elements import Json, Metadata

RENAMED = "r"
"""What the names of objects begin with that were renamed: their TIDs, and those of what they own, stay as they were; a
fresh agent gives others."""
_MILLION = 1 << 20


def differences(ours: Graph, fresh: Graph) -> list[str]:
    """Return a line for each element that only one has, or that they describe in different words."""
    found = []
    pairs: list[tuple[str, dict[str, Json], dict[str, Json]]] = [
        ("node", _nodes(ours), _nodes(fresh)),
        ("edge", _edges(ours), _edges(fresh)),
    ]
    for what, one, other in pairs:
        found += [f"{what} stays: {one[key]}" for key in one.keys() - other.keys()]
        found += [f"{what} is missing: {other[key]}" for key in other.keys() - one.keys()]
        found += [
            f"{what} {_name(one[key])}: {_differ(one[key], other[key])}"
            for key in one.keys() & other.keys()
            if one[key] != other[key]
        ]
    return found


def _nodes(graph: Graph) -> dict[str, Json]:
    renamed = _renamed(graph)
    return {node.id: _lasting(node.metadata, renamed=node.id in renamed) for node in graph.nodes()}


def _renamed(graph: Graph) -> set[str]:
    """Return the ids of what was renamed, and of all that it owns."""
    found: set[str] = set()
    more = [node.id for node in graph.nodes() if str(node.metadata.get("Name", "")).startswith(RENAMED)]
    while more:
        node_id = more.pop()
        if node_id not in found:
            found.add(node_id)
            owned = (edge for edge in graph.out_edges(node_id) if edge.metadata["RelationType"] == OWNERSHIP)
            more += [edge.child for edge in owned]
    return found


def _lasting(metadata: Metadata, *, renamed: bool) -> Metadata:
    return {key: value for key, value in metadata.items() if not (renamed and key == "TID")}


def _edges(graph: Graph) -> dict[str, Json]:
    return {edge.id: {"Parent": edge.parent, "Child": edge.child, **edge.metadata} for edge in graph.edges()}


def _name(metadata: Json) -> str:
    return str({key: metadata.get(key) for key in ("Name", "Type")}) if isinstance(metadata, dict) else ""


def _differ(one: Json, other: Json) -> Metadata:
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    keys = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
    return {key: [one.get(key), other.get(key)] for key in keys}


@dataclass(frozen=True, slots=True)
class Holdings:
    """What this process holds at one moment."""

    descriptors: Counter[str]
    """Open files by sort, such as `socket` and `anon_inode:[eventpoll]`."""
    threads: int
    objects: int
    """Python objects that the collector knows."""
    resident: int
    """Bytes."""

    @classmethod
    def now(cls) -> "Holdings":
        gc.collect()
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            descriptors=Counter(_sort(fd) for fd in os.listdir("/proc/self/fd")),
            threads=len(os.listdir("/proc/self/task")),
            objects=len(gc.get_objects()),
            resident=pages * os.sysconf("SC_PAGESIZE"),
        )

    def leaks_since(self, before: "Holdings", *, objects: int = 2000, resident: int = 16 * _MILLION) -> list[str]:
        """Return a line for each thing of which there is more; of memory so much more is granted."""
        more = self.descriptors - before.descriptors
        found = [f"open files: {number} more of {sort}" for sort, number in more.items()]
        return found + [
            f"{what}: {old} before, {new} after"
            for what, old, new, granted in (
                ("threads", before.threads, self.threads, 0),
                ("objects", before.objects, self.objects, objects),
                ("bytes of memory", before.resident, self.resident, resident),
            )
            if new > old + granted
        ]


def _sort(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").partition(":[")[0]
    except OSError:
        return "the directory that was being read"
