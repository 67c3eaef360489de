# SPDX-License-Identifier: Apache-2.0
"""Peers found exactly, whatever the order in which the ends become known."""

from collections.abc import Callable, Mapping

import pytest

from netsonde.probes.netlink.links import Link
from netsonde.probes.netlink.peers import PeerResolver
from netsonde.probes.netlink.translate import Key

HOST, RED, BLUE = 1, 2, 3


class Kernel:
    """Knows which id each namespace has in each other, and answers at once."""

    def __init__(self, ids: dict[tuple[int, int], int]) -> None:
        self.ids = ids
        self.tables: dict[int, dict[int, Link]] = {HOST: {}, RED: {}, BLUE: {}}
        self.marked: list[Key] = []
        self.refreshed: list[Key] = []
        self.asked: list[tuple[int, int]] = []

    def links(self, inode: int) -> Mapping[int, Link]:
        return self.tables.get(inode, {})

    def ask_namespace_id(self, inode: int, other: int, answer: Callable[[int], None]) -> None:
        self.asked.append((inode, other))
        answer(self.ids.get((inode, other), -1))

    def refresh(self, key: Key) -> None:
        self.refreshed.append(key)

    def mark(self, key: Key) -> None:
        self.marked.append(key)


class Lab:
    def __init__(self, ids: dict[tuple[int, int], int]) -> None:
        self.kernel = Kernel(ids)
        self.peers = PeerResolver(self.kernel, HOST)

    def add(self, inode: int, ifindex: int, kind: str, link: int, nsid: int | None = None) -> Key:
        key = (inode, ifindex)
        self.kernel.tables[inode][ifindex] = Link(ifindex, f"i{ifindex}", kind, 1, 1, 1500, b"", 6, 0, link, nsid)
        self.peers.link_added(key)
        self.publish(key)
        return key

    def publish(self, key: Key) -> Key | None:
        """Do what the probe does for a marked interface, and for those that this marks."""
        link = self.kernel.tables[key[0]].get(key[1])
        if link is None:
            return None
        self.peers.link_seen(key, link)
        found = self.peers.peer(key, link) if link.kind == "veth" else self.peers.below(key, link)
        marked, self.kernel.marked = self.kernel.marked, []
        for other in marked:
            found = self.publish(other) if other == key else (self.publish(other), found)[1]
        return found

    def remove(self, key: Key) -> None:
        del self.kernel.tables[key[0]][key[1]]
        self.peers.link_removed(key)

    def peer(self, key: Key) -> Key | None:
        return self.peers.peer(key, self.kernel.tables[key[0]][key[1]])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_pair_across_namespaces_is_found_from_either_end(order: tuple[int, int]) -> None:
    lab = Lab({(HOST, RED): 0, (RED, HOST): 0})
    ends = [(HOST, 7, "veth", 2, 0), (RED, 2, "veth", 7, 0)]
    for number in order:
        lab.add(*ends[number])
    assert lab.peer((HOST, 7)) == (RED, 2)
    assert lab.peer((RED, 2)) == (HOST, 7)


def test_equal_indexes_do_not_confuse_two_pairs() -> None:
    lab = Lab({(HOST, RED): 0, (RED, HOST): 0, (HOST, BLUE): 1, (BLUE, HOST): 0, (RED, BLUE): 1, (BLUE, RED): 1})
    lab.add(HOST, 7, "veth", 2, 0)
    lab.add(HOST, 8, "veth", 2, 1)
    lab.add(BLUE, 2, "veth", 8, 0)
    lab.add(RED, 2, "veth", 7, 0)
    assert lab.peer((RED, 2)) == (HOST, 7)
    assert lab.peer((BLUE, 2)) == (HOST, 8)


def test_only_namespaces_with_a_fitting_end_are_asked_about() -> None:
    lab = Lab({(HOST, RED): 0, (RED, HOST): 0})
    lab.add(BLUE, 2, "veth", 99, 0)
    lab.kernel.asked.clear()
    lab.add(RED, 2, "veth", 7, 0)
    lab.add(HOST, 7, "veth", 2, 0)
    assert (HOST, BLUE) not in lab.kernel.asked


def test_end_announced_before_its_peer_is_read_again() -> None:
    lab = Lab({})
    lab.add(HOST, 7, "veth", 0)
    assert (HOST, 7) in lab.kernel.refreshed


@pytest.mark.parametrize("kind", ["veth", "macvlan"])
def test_what_it_names_may_have_moved_unseen_so_it_is_read_again(kind: str) -> None:
    lab = Lab({})
    lab.add(HOST, 7, kind, 8)
    assert (HOST, 7) in lab.kernel.refreshed


def test_end_that_names_an_index_which_this_one_had_elsewhere_is_read_again() -> None:
    lab = Lab({(RED, HOST): 1, (HOST, RED): 3})
    lab.add(RED, 5, "veth", 18, 0)
    lab.add(HOST, 19, "veth", 5, 3)
    assert (RED, 5) in lab.kernel.refreshed

    lab.kernel.tables[RED][5] = Link(5, "i5", "veth", 1, 1, 1500, b"", 6, 0, 19, 1)
    lab.publish((RED, 5))
    assert lab.peer((HOST, 19)) == (RED, 5)


def test_end_whose_peer_comes_into_its_namespace_is_read_again() -> None:
    lab = Lab({})
    stays = lab.add(RED, 7, "veth", 8, 0)
    lab.kernel.refreshed.clear()
    comes = lab.add(RED, 8, "veth", 7)
    assert lab.peer(comes) == stays
    assert stays in lab.kernel.refreshed


@pytest.mark.parametrize("kind", ["veth", "macvlan"])
def test_id_that_no_candidate_has_is_asked_for_once_and_the_interface_read_again(kind: str) -> None:
    lab = Lab({(RED, HOST): 0})
    lab.add(HOST, 7, kind, 2, 5)
    lab.kernel.asked.clear()
    lab.add(RED, 2, kind, 7, 1)
    assert lab.kernel.asked.count((RED, HOST)) == 1
    assert (RED, 2) in lab.kernel.refreshed


def test_ends_that_have_their_peers_are_not_doubted() -> None:
    lab = Lab({(HOST, RED): 0, (RED, HOST): 0})
    lab.add(HOST, 7, "veth", 2, 0)
    lab.add(RED, 2, "veth", 7, 0)
    lab.kernel.refreshed.clear()
    lab.add(HOST, 8, "veth", 2, 4)
    assert lab.kernel.refreshed == []


def test_moved_end_is_paired_anew_and_the_other_one_read_again() -> None:
    lab = Lab({(HOST, RED): 0, (RED, HOST): 0})
    stays, moves = lab.add(HOST, 7, "veth", 8), lab.add(HOST, 8, "veth", 7)
    assert lab.peer(stays) == moves

    lab.remove(moves)
    assert stays in lab.kernel.refreshed
    assert lab.peer(stays) is None
    lab.kernel.tables[HOST][7] = Link(7, "i7", "veth", 1, 1, 1500, b"", 6, 0, 8, 0)
    lab.publish(stays)
    lab.add(RED, 8, "veth", 7, 0)
    assert lab.peer(stays) == (RED, 8)


def test_stale_word_about_a_peer_does_not_pair_with_a_stranger() -> None:
    lab = Lab({})
    lab.add(HOST, 7, "veth", 8)  # says 8, but the 8 of now has another peer
    lab.add(HOST, 8, "veth", 9)
    assert lab.peer((HOST, 7)) is None
    assert (HOST, 7) in lab.kernel.refreshed


def test_peer_that_two_ends_claim_goes_to_the_one_that_it_names_and_back_and_forth_to_nobody() -> None:
    lab = Lab({(HOST, RED): 0, (BLUE, RED): 1})
    lab.add(RED, 2, "veth", 7, 0)
    stale = lab.add(BLUE, 7, "veth", 2, 1)
    claims = lab.add(HOST, 7, "veth", 2, 0)
    # Until the kernel says which namespace (RED, 2) means, the one that came first keeps it, and is read again.
    assert (lab.peer(claims), lab.peer(stale)) == (None, (RED, 2))
    assert stale in lab.kernel.refreshed
    lab.kernel.ids[RED, HOST] = 0
    lab.publish(claims)
    assert (lab.peer(claims), lab.peer(stale)) == ((RED, 2), None)


def test_lower_device_in_another_namespace_is_found_when_it_appears() -> None:
    lab = Lab({(RED, HOST): 4})
    key = lab.add(RED, 5, "macvlan", 3, 4)
    lab.add(HOST, 3, "", 0)
    assert lab.peers.below(key, lab.kernel.tables[RED][5]) == (HOST, 3)


def test_id_taken_back_is_asked_for_again() -> None:
    lab = Lab({(RED, HOST): 4})
    lab.add(HOST, 3, "", 0)
    key = lab.add(RED, 5, "macvlan", 3, 4)
    lab.peers.namespace_id_changed(RED, 4)
    lab.kernel.asked.clear()
    lab.publish(key)
    assert lab.kernel.asked == [(RED, HOST)]
