# SPDX-License-Identifier: Apache-2.0
"""What is read from descriptions of domains, sane or not."""

import pytest

from netsonde.errors import WireError
from netsonde.probes.libvirt.domain_xml import LONGEST, Card, describe
from unit.probes.libvirt.lab import described

NOVA = "<domain><metadata><n:instance xmlns:n='http://openstack.org/xmlns/libvirt/nova/1.0'>{}</n:instance></metadata></domain>"


def test_every_kind_of_card_says_what_it_is_joined_to() -> None:
    cards = describe(described("nova")).cards
    assert [(card.kind, card.source or card.host_pci, card.device) for card in cards] == [
        ("bridge", "br-int", "tapbd32bbfb-89"),
        ("network", "default", "vnet1"),
        ("vhostuser", "/run/openvswitch/vhu1", ""),
        ("hostdev", "0000:3b:10.2", ""),
        ("vdpa", "/dev/vhost-vdpa-0", ""),
        ("direct", "eth1", "macvtap0"),
        ("pci", "0000:81:00.0", ""),
    ]


def test_card_has_all_that_libvirt_knows_of_it() -> None:
    assert describe(described("nova")).cards[0] == Card(
        kind="bridge",
        mac="fa:16:3e:f8:7a:ca",
        model="virtio",
        device="tapbd32bbfb-89",
        source="br-int",
        port="bd32bbfb-89b6-4d78-a02d-345b2c6af886",
        guest_pci="0000:02:00.0",
        alias="net0",
        link="down",
    )


def test_machine_and_what_nova_wrote() -> None:
    found = describe(described("nova"))
    assert (found.title, found.cpus, found.memory, found.agent, found.is_leased) == ("web", 2, 512 * 2**20, True, True)
    assert found.nova == {
        "Name": "oslab-vm",
        "Flavor": "m1.tiny",
        "CreatedAt": "2026-11-22 21:24:49",
        "Image": "1f3cd1d3-07b1-4d5e-9d5f-6a2b4bd1b7c4",
        "Project": "262a5aec3f6040b796cd7c03f191c025",
        "ProjectName": "shop",
        "User": "9f1fb9cb2c0a4d0f8bba0f0a5f0d2c11",
        "UserName": "ann",
        "Ports": [{"ID": "bd32bbfb-89b6-4d78-a02d-345b2c6af886", "Addresses": ["10.77.0.181"]}],
    }


def test_older_nova_without_ports_is_read() -> None:
    assert describe(NOVA.format("<n:name>old</n:name>")).nova == {"Name": "old"}


@pytest.mark.parametrize(
    ("text", "memory"),
    [
        ("<memory>4</memory>", 4096),
        ("<memory unit='b'>4</memory>", 4),
        ("<memory unit='GiB'>2</memory>", 2**31),
        ("<memory unit='MB'>2</memory>", 2_000_000),
        ("<memory unit='TiB'>1</memory>", 2**40),
        ("<memory>x</memory>", 0),
    ],
)
def test_memory_is_in_bytes_whatever_its_unit(text: str, memory: int) -> None:
    assert describe(f"<domain>{text}</domain>").memory == memory


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<domain",
        "\0",
        "<domain>&lol;</domain>",
        "<a>" * 100_000,
    ],
)
def test_rubbish_is_told_as_such(text: str) -> None:
    with pytest.raises(WireError, match="cannot be read"):
        describe(text)


def test_entities_do_not_grow_without_bounds() -> None:
    lines = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 20}'>" for n in range(1, 12))
    with pytest.raises(WireError):
        describe(f"<!DOCTYPE d [<!ENTITY e0 'lollollol'>{lines}]><domain><title>&e11;</title></domain>")


def test_numbers_and_texts_are_bounded() -> None:
    pci = "<source><address domain='0x' bus='-1' slot='99999999999999999999' function='z'/></source>"
    found = describe(
        f"<domain><title>{'x' * 10_000}</title><vcpu>{'9' * 400}</vcpu>"
        f"<devices><hostdev type='pci'>{pci}</hostdev><interface/></devices></domain>"
    )
    assert (len(found.title), found.cpus) == (LONGEST, 0)
    assert found.cards == (Card(""), Card("pci", host_pci="0000:00:00.0"))
