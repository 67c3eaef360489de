# SPDX-License-Identifier: Apache-2.0
"""Which interface is the other end of a veth, or the device below, exactly, also in another namespace.

Source: IFLA_LINK names an ifindex, IFLA_LINK_NETNSID the namespace by an id that counts in the namespace of the message
only; RTM_GETNSID tells which id a namespace that we hold open has there. Only namespaces that have a fitting interface
are asked about, and one end of a pair is enough: with 500 namespaces that is 500 questions, not 250,000.

The kernel does not tell an end when its peer moves or goes. So what an end says of its peer is believed when the peer
says the same; else both are read again.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Protocol, TypeVar

from netsonde.probes.netlink.links import Link
from netsonde.probes.netlink.names import PAIR_KINDS
from netsonde.probes.netlink.physical import PhysicalFunctions
from netsonde.probes.netlink.translate import Key

K = TypeVar("K", bound=Hashable)


class PeerSource(Protocol):
    """Where the resolver gets its facts, and tells who must be looked at again."""

    def links(self, inode: int) -> Mapping[int, Link]:
        """Return the interfaces of a namespace, {} when it is not known."""

    def ask_namespace_id(self, inode: int, other: int, answer: Callable[[int], None]) -> None:
        """Ask the kernel which id the namespace `other` has in `inode`; -1 = none."""

    def refresh(self, key: Key) -> None:
        """Read one interface again."""

    def mark(self, key: Key) -> None:
        """Publish one interface again."""


class PeerResolver:
    """Follows what interfaces say of others; `link_added` and `link_removed` keep it informed."""

    def __init__(self, source: PeerSource, own_inode: int) -> None:
        self._source = source
        self._own = own_inode
        self.functions = PhysicalFunctions(source.mark)
        self._namespaces: dict[int, dict[int, int]] = {}
        self._by_index: dict[int, set[int]] = {}
        self._ends: dict[tuple[int, int], set[int]] = {}
        self._end_of: dict[Key, int] = {}
        self._pairs: dict[Key, Key] = {}
        self._waiting: dict[int, set[Key]] = {}

    def namespace_of(self, inode: int, link: Link) -> int | None:
        """Return the inode of the namespace that `link_nsid` means, None while that is not known."""
        if link.link_nsid is None:
            return inode
        return self._namespaces.get(inode, {}).get(link.link_nsid)

    def link_added(self, key: Key) -> None:
        """An interface is there now: those that waited for its index look again."""
        self._by_index.setdefault(key[1], set()).add(key[0])
        for waiting in self._waiting.pop(key[1], ()):
            self._source.mark(waiting)

    def link_seen(self, key: Key, link: Link) -> None:
        """Note what an end of a pair says now, so that its peer is found without a search."""
        if link.kind not in PAIR_KINDS or self._end_of.get(key) == link.link:
            return
        self._forget_end(key)
        self._end_of[key] = link.link
        self._ends.setdefault((key[1], link.link), set()).add(key[0])
        if not link.link:
            # An end is announced before its peer exists, and not again after; 0 says nothing.
            self._source.refresh(key)

    def link_removed(self, key: Key) -> None:
        """An interface is gone; its former peer, which the kernel tells nothing, is read again."""
        self._forget_end(key)
        self.functions.removed(key)
        _discard(self._by_index, key[1], key[0])
        other = self._pairs.pop(key, None)
        if other is not None:
            self._pairs.pop(other, None)
            self._source.refresh(other)
            self._source.mark(other)

    def namespace_id_changed(self, inode: int, nsid: int) -> None:
        """An id was given or taken back in a namespace: what it meant before does not count any more."""
        self._namespaces.get(inode, {}).pop(nsid, None)

    def forget_ids(self, inode: int) -> None:
        """A namespace is read anew: ids were given and taken back there that nobody heard of."""
        self._namespaces.pop(inode, None)

    def namespace_removed(self, inode: int) -> None:
        self._namespaces.pop(inode, None)
        for known in self._namespaces.values():
            for nsid in [nsid for nsid, other in known.items() if other == inode]:
                del known[nsid]

    def namespace_renamed(self, inode: int) -> None:
        """Publish again the peers of what is in a namespace: they show its name."""
        for ifindex in self._source.links(inode):
            other = self._pairs.get((inode, ifindex))
            if other is not None:
                self._source.mark(other)

    def wait_for(self, key: Key, ifindex: int) -> None:
        """Mark `key` again as soon as an interface with this index appears anywhere."""
        self._waiting.setdefault(ifindex, set()).add(key)

    def peer(self, key: Key, link: Link) -> Key | None:
        """Return the other end of a veth and the like, None while it is not known."""
        other = self._find(key, link)
        if other is not None and self._pairs.get(key) != other:
            self._pair(key, other)
        return self._pairs.get(key)

    def below(self, key: Key, link: Link) -> Key | None:
        """Return the device that a macvlan, VLAN or tunnel stands on, None while it is not known."""
        inode = self._resolve(key, link)
        if inode is not None and link.link in self._source.links(inode):
            return inode, link.link
        if inode is not None:
            # It may have moved, of which those above it are not told.
            self._source.refresh(key)
        self.wait_for(key, link.link)
        return None

    def _find(self, key: Key, link: Link) -> Key | None:
        inode = self._resolve(key, link)
        if inode is None:
            return None
        found = self._source.links(inode).get(link.link)
        if found is None:
            # It may have moved before it was seen here.
            self._source.refresh(key)
            return None
        other = (inode, link.link)
        if found.kind in PAIR_KINDS and found.link == key[1]:
            said = self._says(other, found)
            if said == key[0]:
                return other
            if said is None and self._pairs.get(other, key) == key:
                # What it says may be from before one of them moved, and the id that it names another's or nobody's.
                self._source.refresh(other)
                return other
            if said is None:
                self._settle(other, found)
                return None
        self._source.refresh(key)
        if found.kind in PAIR_KINDS:
            self._source.refresh(other)
        return None

    def _settle(self, contested: Key, link: Link) -> None:
        """Two ends claim the same peer, one of them out of date: its own word decides, so the kernel is asked for it.

        Were it given to whoever claimed it last, the two would take it from each other for ever.
        """
        self._resolve(contested, link)
        self._source.refresh(self._pairs[contested])

    def _says(self, key: Key, link: Link) -> int | None:
        """Return in which namespace an end sees its peer, None when that is not known."""
        return self.namespace_of(key[0], link)

    def _pair(self, one: Key, other: Key) -> None:
        for end in (one, other):
            former = self._pairs.pop(end, None)
            if former is not None:
                self._pairs.pop(former, None)
                self._source.mark(former)
        self._pairs[one], self._pairs[other] = other, one
        self._source.mark(other)

    def _resolve(self, key: Key, link: Link) -> int | None:
        """Return the namespace of what `link` names; None when the kernel must be asked first, which is done."""
        inode = self.namespace_of(key[0], link)
        if inode is not None or link.link_nsid is None or link.link_nsid < 0:
            return inode
        candidates = self._candidates(key, link)
        for other in candidates:
            self._source.ask_namespace_id(key[0], other, self._answer(key, other, link.link_nsid))
        if not candidates and link.kind in PAIR_KINDS:
            self._doubt(key, link.link)
        return None

    def _doubt(self, key: Key, ifindex: int) -> None:
        """Read again what may be the other end, and names this one by an index that it has no more."""
        for inode in self._by_index.get(ifindex, set()) - {key[0]}:
            other = (inode, ifindex)
            if other in self._end_of and other not in self._pairs:
                self._source.refresh(other)

    def _candidates(self, key: Key, link: Link) -> list[int]:
        if link.kind in PAIR_KINDS:
            ends = self._ends.get((link.link, key[1]), set()) | self._ends.get((link.link, 0), set())
            return list(ends - {key[0]})
        return sorted(self._by_index.get(link.link, set()) - {key[0]}, key=lambda inode: inode != self._own)

    def _forget_end(self, key: Key) -> None:
        named = self._end_of.pop(key, None)
        if named is not None:
            _discard(self._ends, (key[1], named), key[0])

    def _answer(self, key: Key, other: int, named: int) -> Callable[[int], None]:
        def learn(nsid: int) -> None:
            if nsid < 0:
                return
            self._namespaces.setdefault(key[0], {})[nsid] = other
            if nsid == named:
                self._source.mark(key)
            else:
                # Either this is another namespace, or what it names has moved there, of which it was not told.
                self._source.refresh(key)

        return learn


def _discard(index: dict[K, set[int]], key: K, member: int) -> None:
    members = index.get(key)
    if members is not None:
        members.discard(member)
        if not members:
            del index[key]
