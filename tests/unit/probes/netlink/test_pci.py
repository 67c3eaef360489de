# SPDX-License-Identifier: Apache-2.0
"""PCI devices of interfaces: a directory like sysfs, a list like pci.ids, and what is shown of them."""

from pathlib import Path

import pytest

from netsonde.probes.netlink.pci import read_pci
from netsonde.probes.netlink.state import NamespaceState
from netsonde.probes.netlink.translate import Driver, interface_metadata
from netsonde.schema import unlisted
from unit.probes.netlink.traffic import link_message, play

BUS = "0000:3b:00.0"
NAMES = """\
# comment
1572  Not this vendor
\t8086  Nor this device
8086  Intel Corporation
\t1571  Another
\t1572  Ethernet Controller X710 for 10GbE SFP+
\t\t1028 1f99  Ethernet 10G 4P X710/I350 rNDC
# comment
15b3  Mellanox Technologies
\t1017  MT27800 Family [ConnectX-5]
C 02  Network controller
\t00  Ethernet controller
"""


@pytest.fixture
def names(tmp_path: Path) -> tuple[Path, ...]:
    (tmp_path / "pci.ids").write_text(NAMES)
    return (tmp_path / "absent", tmp_path / "pci.ids")


def device(root: Path, **files: str) -> None:
    (root / BUS).mkdir()
    for name, text in files.items():
        (root / BUS / name).write_text(f"{text}\n")


def test_device_is_told_by_numbers_names_link_and_node(tmp_path: Path, names: tuple[Path, ...]) -> None:
    files = {"vendor": "0x8086", "device": "0x1572", "subsystem_vendor": "0x1028", "subsystem_device": "0x1f99"}
    device(tmp_path, **files, current_link_speed="8.0 GT/s PCIe", current_link_width="8", numa_node="1")
    found, node = read_pci(BUS, tmp_path, names)
    assert found == {
        **{"VendorID": "8086", "DeviceID": "1572", "SubsystemVendorID": "1028", "SubsystemDeviceID": "1f99"},
        **{"Vendor": "Intel Corporation", "Device": "Ethernet Controller X710 for 10GbE SFP+"},
        **{"LinkSpeed": "8.0 GT/s PCIe", "LinkWidth": 8},
    }
    state = NamespaceState(limit=8)
    play(state, [link_message(7, "eth0")])
    shown = interface_metadata(state, state.links[7], driver=Driver("i40e", BUS, pci=found, numa_node=node))
    assert (shown["PCI"], shown["NumaNode"]) == (found, 1)
    assert unlisted(shown) == []


def test_virtual_device_has_no_link_and_no_node(tmp_path: Path, names: tuple[Path, ...]) -> None:
    files = {"vendor": "0x1af4", "device": "0x1041", "subsystem_vendor": "0x0000"}
    device(tmp_path, **files, current_link_speed="Unknown", current_link_width="255", numa_node="-1")
    assert read_pci(BUS, tmp_path, names) == ({"VendorID": "1af4", "DeviceID": "1041"}, -1)


@pytest.mark.parametrize(
    ("vendor", "model", "found"),
    [
        ("15b3", "1017", ("Mellanox Technologies", "MT27800 Family [ConnectX-5]")),
        ("8086", "1017", ("Intel Corporation", None)),
        ("02", "00", (None, None)),
    ],
)
def test_names_are_those_of_the_vendor(
    tmp_path: Path, names: tuple[Path, ...], vendor: str, model: str, found: tuple[str | None, str | None]
) -> None:
    device(tmp_path, vendor=f"0x{vendor}", device=f"0x{model}")
    shown, _ = read_pci(BUS, tmp_path, names)
    assert (shown.get("Vendor"), shown.get("Device")) == found


def test_system_without_the_list_tells_numbers(tmp_path: Path) -> None:
    device(tmp_path, vendor="0x8086", device="0x1572")
    assert read_pci(BUS, tmp_path, (tmp_path / "absent",)) == ({"VendorID": "8086", "DeviceID": "1572"}, -1)


@pytest.mark.parametrize("bus", ["", "virtio0", "usb-0000:00:14.0-1", "../../etc", "0000:3b:00.0/../x"])
def test_bus_that_is_no_pci_address_is_not_looked_for(bus: str, tmp_path: Path) -> None:
    device(tmp_path, vendor="0x8086", device="0x1572")
    assert read_pci(bus, tmp_path, ()) == ({}, -1)


def test_files_that_make_no_sense_say_nothing(tmp_path: Path) -> None:
    device(
        tmp_path, vendor="8086", device="0x15\udc80".encode("utf-8", "surrogateescape").decode("latin-1"), numa_node="x"
    )
    assert read_pci(BUS, tmp_path, ()) == ({}, -1)
