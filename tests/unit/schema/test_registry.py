# SPDX-License-Identifier: Apache-2.0
"""The list is whole and right: every writer ships its keys, every example has the type that its key promises."""

import re
from pathlib import Path

from netsonde.flows.fields import METRICS as FLOW_METRICS
from netsonde.model.keys import Field, Key
from netsonde.probes import host_keys
from netsonde.probes._registry import PROBES
from netsonde.probes.blockdev import counters as disks
from netsonde.probes.blockdev import keys as blockdev
from netsonde.probes.cri import keys as cri
from netsonde.probes.docker import keys as docker
from netsonde.probes.lldp import keys as lldp
from netsonde.probes.lxc import keys as lxc
from netsonde.probes.netfilter import conntrack
from netsonde.probes.netlink import keys as netlink
from netsonde.probes.netlink.counters import NAMES
from netsonde.probes.netns import keys as netns
from netsonde.probes.ovsdb import keys as ovsdb
from netsonde.probes.ovsdb.threads import NAMES as THREAD_NAMES
from netsonde.probes.qemu import keys as qemu
from netsonde.probes.runc import keys as runc
from netsonde.schema import FLOW_FIELDS, GROUP_FIELDS, KEYS, LOOKS, METRIC_FIELDS, RULE_FIELDS, VERSION
from netsonde.schema.check import fits

PUBLISHED = Path(__file__).parents[2] / "data/schema/published.txt"


def line(one: Key) -> str:
    """Return what must stay as it is as long as the first number of the version does."""
    return f"{one.on} {one.key} {one.producer}: {one.type}, {one.unit or '-'}"


def test_every_probe_ships_its_keys() -> None:
    assert set(PROBES) <= {key.producer for key in KEYS}


def test_every_type_that_only_one_probe_writes_has_a_look() -> None:
    own = {kind for key in KEYS if key.producer in PROBES and key.key == "Name" for kind in key.types}
    looked = {look.type for look in LOOKS}
    interfaces = {*netlink.INTERFACES, *ovsdb.OWN_INTERFACES}
    assert own - interfaces <= looked


def test_probes_that_write_one_type_agree_how_it_looks() -> None:
    sources = (host_keys, netns, netlink, ovsdb, docker, qemu, lldp, runc, lxc, cri, blockdev)
    looks = {look for source in sources for look in source.LOOKS}
    assert len(looks) == len(LOOKS)


def test_no_key_is_described_twice_for_one_type_by_one_producer() -> None:
    owners = [(key.on, key.producer, key.key, kind) for key in KEYS for kind in key.types or ("",)]
    assert [owner for owner in set(owners) if owners.count(owner) > 1] == []


def test_an_example_has_the_type_of_its_key() -> None:
    listed: list[Key | Field] = [*KEYS, *FLOW_FIELDS, *METRIC_FIELDS, *RULE_FIELDS, *GROUP_FIELDS]
    assert [one.key for one in listed if not fits(one.example, one.type) or not one.description] == []


def test_a_nested_key_has_all_that_lie_above_it() -> None:
    keys = {(key.on, key.producer, key.key) for key in KEYS}
    nested = [key for key in KEYS if "." in key.key]
    assert [key.key for key in nested if (key.on, key.producer, key.key.rpartition(".")[0]) not in keys] == []


def test_the_counters_that_are_read_are_those_that_are_listed() -> None:
    listed = {field.key for field in METRIC_FIELDS}
    read = {*NAMES, *filter(None, disks.NAMES), *conntrack.NAMES.values(), conntrack.ENTRIES, *THREAD_NAMES.values()}
    assert listed == {*read, *(field.key for field in FLOW_METRICS)}


def test_what_was_published_stays_within_a_major_version() -> None:
    major, *published = PUBLISHED.read_text(encoding="utf-8").splitlines()
    kept = set(map(line, KEYS))
    assert [key for key in published if key not in kept and VERSION.split(".")[0] == major] == []


def test_the_page_about_topology_names_every_key_of_the_probes() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/topology.md").read_text(encoding="utf-8")
    words = set(re.findall(r"[\w@]+", page))
    keys = {key.key.partition(".")[0] for key in KEYS if key.producer in PROBES}
    assert sorted(keys - words) == []
