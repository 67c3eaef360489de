# SPDX-License-Identifier: Apache-2.0
"""One namespace followed: a snapshot, then its events, read anew whenever the kernel had to drop some.

Snapshot and events come through one socket, so they are applied in the order in which they happened (see
`tables.py`); one dump is under way at a time, since the kernel answers EBUSY to a second.
"""

import asyncio
import errno
import select
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from netsonde.errors import WireError
from netsonde.probes import netlink_wire as wire
from netsonde.probes.namespaces import Namespace
from netsonde.probes.netlink.programs import EGRESS, INGRESS, TCMSG
from netsonde.probes.netlink.socket import Overrun, RtnetlinkSocket
from netsonde.probes.netlink.state import DumpName, NamespaceState

ASKED_AT_ONCE: Final = 4
"""Questions whose answers are due at a time: the answers to a thousand would not fit the receive buffer."""
DUMP_PATIENCE: Final = 0.5
"""Seconds of silence after which a dump is given up that was under way when events were dropped: the kernel may have
dropped its word, too, that it will not begin, or that another one is still going on."""
MOST_ATTEMPTS: Final = 3
"""Dumps of a table that changes all the while; among ten thousand interfaces some come or go during each."""
NEXT_ATTEMPTS: Final = 5.0
"""Seconds until such a table is read again; until then what was read holds, and nothing is taken for gone. Also until
routes are that went without a message."""
READ_LIMIT: Final = 32
"""Datagrams taken in one turn of the loop, so that a flood in one namespace does not starve the others."""

NETNSA_NSID: Final = 1
NETNSA_FD: Final = 3
IFLA_EXT_MASK: Final = 29
RTEXT_FILTER_VF: Final = 1 << 0
RTEXT_FILTER_BRVLAN_COMPRESSED: Final = 1 << 2
RTEXT_FILTER_SKIP_STATS: Final = 1 << 3
IFLA_STATS_LINK_64: Final = 1

_NOT_YET: Final = (errno.ENOBUFS, errno.EBUSY)
"""A dump goes on when the receive buffer has room; another one is still going on, so it must be sent again."""

_IFINFOMSG = struct.Struct("=BxHiII")
_IF_STATS_MSG = struct.Struct("=BxxxiI")
_WITH_FUNCTIONS = wire.attribute(IFLA_EXT_MASK, struct.pack("=I", RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS))
_VLANS = wire.attribute(IFLA_EXT_MASK, struct.pack("=I", RTEXT_FILTER_BRVLAN_COMPRESSED | RTEXT_FILTER_SKIP_STATS))

REQUESTS: Final[dict[DumpName, tuple[int, bytes]]] = {
    "links": (wire.RTM_GETLINK, _IFINFOMSG.pack(wire.AF_UNSPEC, 0, 0, 0, 0) + _WITH_FUNCTIONS),
    "addresses": (wire.RTM_GETADDR, struct.pack("=BBBBi", wire.AF_UNSPEC, 0, 0, 0, 0)),
    "nexthops": (wire.RTM_GETNEXTHOP, struct.pack("=8x")),
    "routes": (wire.RTM_GETROUTE, struct.pack("=12x")),
    "neighbours": (wire.RTM_GETNEIGH, struct.pack("=BxxxiHBB", wire.AF_UNSPEC, 0, 0, 0, 0)),
    "rules": (wire.RTM_GETRULE, struct.pack("=12x")),
    "qdiscs": (wire.RTM_GETQDISC, TCMSG.pack(wire.AF_UNSPEC, 0, 0, 0, 0)),
    "vlans": (wire.RTM_GETLINK, _IFINFOMSG.pack(wire.AF_BRIDGE, 0, 0, 0, 0) + _VLANS),
    "fdb": (wire.RTM_GETNEIGH, struct.pack("=BxxxiHBB", wire.AF_BRIDGE, 0, 0, 0, 0)),
}
_SNAPSHOT: Final[tuple[DumpName, ...]] = (
    "links",
    "addresses",
    "nexthops",
    "routes",
    "rules",
    "qdiscs",
    "neighbours",
    "fdb",
)


Answer = Callable[[wire.Message], None]


class WatchOwner(Protocol):
    """Who is told what a watch saw; called from the loop's reader, in order."""

    def watch_changed(self, watch: "NamespaceWatch") -> None:
        """Its state has changes to publish; called once interfaces and addresses are known."""

    def watch_resynced(self, watch: "NamespaceWatch", why: str) -> None:
        """It lost events or got rubbish, and is being read anew."""

    def watch_namespace_id(self, watch: "NamespaceWatch", nsid: int, *, gone: bool) -> None:
        """The kernel gave another namespace an id here, or took it back."""

    def watch_broken(self, watch: "NamespaceWatch", why: Exception) -> None:
        """Its socket failed, or a handler did; it does nothing any more."""


@dataclass(slots=True)
class _Dump:
    """A dump asked for: a table of the state, or counters for `on_stats`."""

    kind: int
    body: bytes
    table: DumpName | None = None
    on_stats: Callable[[wire.Message], None] | None = None
    seq: int = 0
    interrupted: bool = False
    """Something changed under it: it must be asked for again."""
    attempts: int = 0
    """How often it was."""
    abandoned: bool = False
    """A new snapshot is to come: what it says does not count."""
    messages: int = 0
    """How many came of it."""


class NamespaceWatch:
    """Follows one namespace from the moment `start` is called until `close`."""

    def __init__(self, namespace: Namespace, sock: RtnetlinkSocket, state: NamespaceState, owner: WatchOwner) -> None:
        self.namespace = namespace
        self.state = state
        self.ready = False
        """Whether interfaces and addresses have been read once."""
        self._socket = sock
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        # Around the socket: an overrun shows as an error on it, upon which uvloop stops watching for good.
        self._poll = select.epoll()
        self._seq = 0
        self._waiting: deque[_Dump] = deque()
        self._current: _Dump | None = None
        self._later: set[DumpName] = set()
        self._questions: dict[tuple[int, bytes], list[Answer]] = {}
        self._answers: dict[int, list[Answer]] = {}
        self.complete = False
        """Whether a whole snapshot has been read: interfaces that appear from now on are new."""
        self._stale = ""
        self._lost_answers = False
        """Whether questions were asked whose answers may have been dropped."""
        self.events = 0
        """Messages received."""

    def start(self) -> None:
        self._poll.register(self._socket.fileno(), select.EPOLLIN)
        self._loop.add_reader(self._poll.fileno(), self._readable)
        self._snapshot()

    def close(self) -> None:
        """Stop, and let go of the namespace."""
        if not self._poll.closed:
            self._loop.remove_reader(self._poll.fileno())
            self._poll.close()
            self._socket.close()

    def refresh_link(self, ifindex: int) -> None:
        """Ask for one interface again; its message comes like an event."""
        body = _IFINFOMSG.pack(wire.AF_UNSPEC, 0, ifindex, 0, 0) + _WITH_FUNCTIONS
        if (wire.RTM_GETLINK, body) not in self._questions:
            self._ask(wire.RTM_GETLINK, body, self.state.take)

    def refresh_bonds(self) -> None:
        """Ask again for what LACP has come to."""
        for link in list(self.state.links.values()):
            if link.negotiates:
                self.refresh_link(link.ifindex)

    def ask_namespace_id(self, fd: int, answer: Callable[[int], None]) -> None:
        """Ask which id the namespace behind `fd` has here; -1 = none."""
        body = struct.pack("=Bxxx", 0) + wire.attribute(NETNSA_FD, struct.pack("=I", fd))
        self._ask(wire.RTM_GETNSID, body, lambda message: answer(_namespace_id(message)))

    def ask_counters(self, on_stats: Callable[[wire.Message], None]) -> None:
        """Ask for the counters of every interface, RTM_NEWSTATS messages; nothing if the last ones are still due.

        Nor when it was closed: whoever goes through all namespaces lets others have their turn meanwhile.
        """
        if self._poll.closed or any(
            dump.on_stats for dump in (*self._waiting, *([self._current] if self._current else []))
        ):
            return
        body = _IF_STATS_MSG.pack(0, 0, 1 << (IFLA_STATS_LINK_64 - 1))
        self._enqueue(_Dump(wire.RTM_GETSTATS, body, on_stats=on_stats))

    def _ask(self, kind: int, body: bytes, answer: Answer) -> None:
        """Ask a question, once however many want to know, when the answers to those before it have come."""
        if self._poll.closed:
            return
        self._questions.setdefault((kind, body), []).append(answer)
        self._send_questions()

    def _send_questions(self) -> None:
        # Beside a dump, which fills the receive buffer as far as it goes, an answer would be dropped.
        dumping = self._current is not None or bool(self._waiting)
        while self._questions and not dumping and len(self._answers) < ASKED_AT_ONCE:
            kind, body = question = next(iter(self._questions))
            seq = self._next_seq()
            self._answers[seq] = self._questions.pop(question)
            self._socket.send(wire.request(kind, 0, seq, body))

    def _snapshot(self) -> None:
        self._waiting = deque(dump for dump in self._waiting if dump.table is None)
        for table in _SNAPSHOT:
            self._enqueue(_Dump(*REQUESTS[table], table=table))
        if any(link.filters_vlans for link in self.state.links.values()):
            self._read_again("vlans")

    def _resync(self) -> None:
        """Read everything anew; called when the backlog is taken, or a flood would begin it again and again."""
        why, self._stale = self._stale, ""
        self._owner.watch_resynced(self, why)
        self._answers.clear()
        self._questions.clear()
        self._lost_answers = True
        if self._current is not None and self._current.table is not None:
            self._current.abandoned = True
        self._snapshot()
        self._watch_over(self._current)

    def _watch_over(self, dump: _Dump | None) -> None:
        if dump is not None:
            self._loop.call_later(DUMP_PATIENCE, self._give_up, dump, dump.seq, dump.messages)

    def _give_up(self, dump: _Dump, seq: int, messages: int) -> None:
        """Go on without a dump of which nothing came since it was this far."""
        if self._poll.closed or self._current is not dump or dump.seq != seq:
            return
        if dump.messages == messages:
            self._current = None
            if not dump.abandoned:
                self._waiting.appendleft(dump)
            self._send_next()
        self._watch_over(self._current)

    def _enqueue(self, dump: _Dump) -> None:
        self._waiting.append(dump)
        self._send_next()

    def _send_next(self) -> None:
        """Send the next dump when nothing is due, or questions when no dump waits."""
        self._send_questions()
        if self._current is not None or self._answers or not self._waiting:
            return
        self._current = dump = self._waiting.popleft()
        dump.seq, dump.interrupted = self._next_seq(), False
        if dump.table is not None:
            self.state.begin(dump.table)
        self._socket.send(wire.request(dump.kind, wire.NLM_F_DUMP, dump.seq, dump.body))

    def _next_seq(self) -> int:
        self._seq = self._seq % 0xFFFFFFFF + 1
        return self._seq

    def _readable(self) -> None:
        # A bug in a handler must end this probe's run, not vanish in the loop's exception handler.
        try:
            self._read()
        except Exception as failed:
            self.close()
            self._owner.watch_broken(self, failed)

    def _read(self) -> None:
        for _ in range(READ_LIMIT):
            try:
                data = self._socket.receive()
                if data is None:
                    if self._stale:
                        self._resync()
                    break
                for message in wire.messages(data):
                    self._dispatch(message)
            except Overrun:
                self._stale = "the kernel dropped events: its receive buffer was full"
            except WireError as rubbish:
                self._stale = str(rubbish)
        else:
            if self._stale:
                # The backlog may just have ended: nothing would call again, and what is lost would stay lost.
                self._loop.call_soon(self._readable_unless_closed)
        self._ask_for_untold()
        state = self.state
        if self.ready and (state.changed or state.table_changed or state.rules_changed or state.retold):
            self._owner.watch_changed(self)

    def _read_again(self, table: DumpName) -> None:
        if not any(dump.table == table for dump in self._waiting):
            self._enqueue(_Dump(*REQUESTS[table], table=table))

    def _ask_for_untold(self) -> None:
        """Read what messages only hint at."""
        state = self.state
        if state.routes_untold:
            state.routes_untold = False
            self._read_later("routes")
        if state.fdb_untold:
            state.fdb_untold = False
            self._read_again("fdb")
        for ifindex in state.links_untold & state.links.keys():
            self.refresh_link(ifindex)
        state.links_untold = set()
        for ifindex in state.hooks_untold:
            for parent in (INGRESS, EGRESS):
                body = TCMSG.pack(wire.AF_UNSPEC, ifindex, 0, parent, 0)
                self._enqueue(_Dump(wire.RTM_GETTFILTER, body, table="hooks"))
        state.hooks_untold = []
        if state.vlans_untold:
            state.vlans_untold = False
            self._read_again("vlans")

    def _readable_unless_closed(self) -> None:
        if not self._poll.closed:
            self._readable()

    def _dispatch(self, message: wire.Message) -> None:
        self.events += 1
        dump = self._current
        if dump is not None and message.seq == dump.seq and message.seq:
            self._dumped(dump, message)
            return
        answers = self._answers.pop(message.seq, None) if message.seq else None
        if answers is not None:
            for answer in answers:
                answer(message)
            self._send_next()
        elif message.type in (wire.RTM_NEWNSID, wire.RTM_DELNSID):
            gone = message.type == wire.RTM_DELNSID
            self._owner.watch_namespace_id(self, _namespace_id(message), gone=gone)
        else:
            self.state.take(message)

    def _dumped(self, dump: _Dump, message: wire.Message) -> None:
        dump.messages += 1
        if message.flags & wire.NLM_F_DUMP_INTR:
            dump.interrupted = True
        if message.type == wire.NLMSG_ERROR and wire.error_number(message) in _NOT_YET:
            self._watch_over(dump)
        elif message.type in (wire.NLMSG_DONE, wire.NLMSG_ERROR):
            self._dump_ended(dump, complete=message.type == wire.NLMSG_DONE)
        elif dump.on_stats is not None:
            dump.on_stats(message)
        else:
            self.state.take(message)

    def _dump_ended(self, dump: _Dump, *, complete: bool) -> None:
        if dump.table is not None and not dump.abandoned:
            if dump.interrupted and dump.attempts < MOST_ATTEMPTS:
                dump.attempts += 1
                self._waiting.appendleft(dump)
            else:
                self._table_read(dump, dump.table, complete=complete)
        self._current = None
        self._send_next()

    def _table_read(self, dump: _Dump, table: DumpName, *, complete: bool) -> None:
        if table == "hooks" or (complete and not dump.interrupted):
            # An interface that is gone has no hooks.
            self.state.finish(table)
        elif dump.interrupted:
            self._read_later(table)
        # Else: a kernel without bridging refuses the dump of forwarding entries, of which there are none.
        self.ready = self.ready or table == "addresses"
        if table == _SNAPSHOT[-1]:
            self._snapshot_ended()

    def _read_later(self, table: DumpName) -> None:
        if table not in self._later:
            self._later.add(table)
            self._loop.call_later(NEXT_ATTEMPTS, self._attempt_again, table)

    def _attempt_again(self, table: DumpName) -> None:
        self._later.discard(table)
        if not self._poll.closed:
            self._read_again(table)

    def _snapshot_ended(self) -> None:
        self.complete = True
        if self._lost_answers:
            # Who stands in relation to another interface looks at it, and asks, again.
            self._lost_answers = False
            self.state.changed.update(ifindex for ifindex, link in self.state.links.items() if link.link or link.master)


def _namespace_id(message: wire.Message) -> int:
    """Return NETNSA_NSID of an answer or event, -1 when there is none (or an error came)."""
    if message.type not in (wire.RTM_NEWNSID, wire.RTM_DELNSID):
        return -1
    found = wire.attributes(message.data, message.start + 4, message.end, frozenset({NETNSA_NSID}))
    return wire.signed(found[NETNSA_NSID]) if NETNSA_NSID in found else -1
