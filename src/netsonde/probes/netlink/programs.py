# SPDX-License-Identifier: Apache-2.0
"""eBPF programs that tc runs on what an interface receives and sends (cls_bpf under clsact or ingress). Pure.

Source: struct tcmsg of linux/rtnetlink.h, TCA_* and TCA_BPF_* of linux/pkt_cls.h. Every filter is told as it comes and
goes, but for those that go with their queueing discipline; those that are there already are asked for, hook by hook.
"""

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata
from netsonde.probes.netlink.tables import RecordTable
from netsonde.probes.netlink_wire import Message, attributes, number, text

TCA_KIND: Final = 1
TCA_OPTIONS: Final = 2
TCA_BPF_NAME: Final = 7
TCA_BPF_TAG: Final = 10
TCA_BPF_ID: Final = 11

ROOT: Final = 0xFFFFFFFF
INGRESS, EGRESS = 0xFFFFFFF2, 0xFFFFFFF3
OLD_INGRESS: Final = 0xFFFF0000
"""Parent of filters of the discipline `ingress`, which was there before clsact."""
HOOKS: Final = {INGRESS: "ingress", EGRESS: "egress", OLD_INGRESS: "ingress"}
DISCIPLINES: Final = ("clsact", "ingress")

TCMSG = struct.Struct("=BxxxiIII")
_WANTED = frozenset({TCA_KIND, TCA_OPTIONS})
_OPTIONS = frozenset({TCA_BPF_NAME, TCA_BPF_TAG, TCA_BPF_ID})


class Place(NamedTuple):
    """What tells a filter from the others of its interface."""

    parent: int
    info: int
    """Priority in the upper half; the lowest runs first."""
    handle: int


@dataclass(frozen=True, slots=True)
class Program:
    """One program; `id` is its number in `bpftool prog`, 0 for classic BPF."""

    place: Place
    id: int
    name: str
    tag: str

    def metadata(self) -> Json:
        shown: Metadata = {"Hook": HOOKS[self.place.parent], "Priority": self.place.info >> 16}
        more: Metadata = {"ProgID": self.id, "Name": self.name, "Tag": self.tag}
        return shown | {key: value for key, value in more.items() if value}


def _decode(message: Message) -> tuple[int, Place, str, bytes]:
    """Return ifindex, place, kind and options."""
    if message.end - message.start < TCMSG.size:
        raise WireError("tc message is too short")
    _, ifindex, handle, parent, info = TCMSG.unpack_from(message.data, message.start)
    found = attributes(message.data, message.start + TCMSG.size, message.end, _WANTED)
    return ifindex, Place(parent, info, handle), text(found.get(TCA_KIND, b"")), found.get(TCA_OPTIONS, b"")


def root_discipline(message: Message) -> tuple[int, str]:
    """Return of which interface a discipline is the root, and its kind; (0, "") for others."""
    ifindex, place, kind, _ = _decode(message)
    return (ifindex, kind) if place.parent == ROOT else (0, "")


class Programs:
    """The programs of one namespace by interface; methods return whose programs changed."""

    def __init__(self, limit: int) -> None:
        self.table: RecordTable[Place, Program] = RecordTable(limit)
        self._hooked: set[int] | None = None
        self._unread = 0

    def begin(self) -> None:
        """A dump of disciplines begins."""
        self.table.begin()
        self._hooked, self._unread = set(), 0

    def hooked(self) -> list[int]:
        """The dump of disciplines ended: return the interfaces whose hooks are to be read."""
        found, self._hooked = sorted(self._hooked or ()), None
        self._unread = len(found) * len((INGRESS, EGRESS))
        return found

    def hook_read(self) -> set[int]:
        """One of these hooks was read, or none are to be."""
        self._unread -= 1
        return self.table.finish() if self._unread <= 0 else set()

    def new_discipline(self, message: Message) -> set[int]:
        ifindex, _, kind, _ = _decode(message)
        if self._hooked is not None and kind in DISCIPLINES:
            self._hooked.add(ifindex)
        return set()

    def del_discipline(self, message: Message) -> set[int]:
        """The filters of a discipline go with it without a word."""
        ifindex, _, kind, _ = _decode(message)
        if kind not in DISCIPLINES or not self.table.of(ifindex):
            return set()
        self.table.drop_interface(ifindex)
        return {ifindex}

    def new_filter(self, message: Message) -> set[int]:
        ifindex, place, kind, options = _decode(message)
        if kind != "bpf" or place.parent not in HOOKS or not place.handle:
            return set()
        found = attributes(options, 0, len(options), _OPTIONS)
        program = Program(
            place,
            id=number(found.get(TCA_BPF_ID, b"")),
            name=text(found.get(TCA_BPF_NAME, b"")),
            tag=found.get(TCA_BPF_TAG, b"").hex(),
        )
        return set() if self.table.put(ifindex, place, program) == program else {ifindex}

    def del_filter(self, message: Message) -> set[int]:
        """Forget a filter; without a handle, all of its priority."""
        ifindex, gone, _, _ = _decode(message)
        if gone.handle:
            return {ifindex} if self.table.drop(ifindex, gone) else set()
        places = [place for place in self.table.of(ifindex) if place[:2] == gone[:2]]
        return {ifindex for place in places if self.table.drop(ifindex, place)}

    def metadata(self, ifindex: int) -> Metadata:
        """Return the programs in the order in which they run, and how many more there are."""
        found = self.table.of(ifindex)
        shown: list[Json] = [found[place].metadata() for place in sorted(found)]
        metadata: Metadata = {"TCPrograms": shown} if shown else {}
        omitted = self.table.omitted(ifindex)
        return {**metadata, "TCProgramsOmitted": omitted} if omitted else metadata
