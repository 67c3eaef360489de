# SPDX-License-Identifier: Apache-2.0
"""Command lines as people, libvirt and Nova write them, and such as nobody should."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.probes.qemu.command_line import Nic, read_command_line

UUID, MAC = "8a566101-8736-4522-bbad-29951893d152", "52:54:00:aa:bb:01"
QEMU = "/usr/bin/qemu-system-x86_64"

FILE = Path(__file__).parents[3] / "data/qemu/libvirt.json"


def test_recorded_machine_of_libvirt_has_name_uuid_and_a_card_by_descriptor() -> None:
    machine = read_command_line(json.loads(FILE.read_text())["arguments"])
    assert machine is not None
    assert (machine.name, machine.uuid, machine.by_libvirt) == ("web", UUID, True)
    assert machine.nics == (Nic(mac=MAC, model="e1000", fds=(30,)),)


def test_card_with_several_queues_has_all_their_descriptors() -> None:
    options = ("-netdev", "tap,fds=41:42,id=h1,vhost=on", "-device", f"virtio-net-pci,netdev=h1,mac={MAC.upper()}")
    machine = read_command_line([QEMU, "-uuid", UUID.upper(), *options])
    assert machine is not None
    assert (machine.uuid, machine.nics) == (UUID, (Nic(mac=MAC, model="virtio-net-pci", fds=(41, 42)),))


@pytest.mark.parametrize(
    "options",
    [
        ["-netdev", "tap,id=n0,ifname=tap9,script=no", "-device", f"virtio-net-pci,netdev=n0,mac={MAC}"],
        ["-device", f"virtio-net-pci,netdev=n0,mac={MAC}", "-netdev", "tap,id=n0,ifname=tap9"],
        ["--netdev", "tap,ifname=tap9,id=n0", "--device", f"mac={MAC},driver=virtio-net-pci,netdev=n0"],
        ["-nic", f"tap,ifname=tap9,model=virtio-net-pci,mac={MAC}"],
        ["-net", f"nic,macaddr={MAC},model=virtio-net-pci", "-net", "tap,ifname=tap9"],
    ],
)
def test_every_way_to_write_a_card_says_the_same(options: list[str]) -> None:
    machine = read_command_line([QEMU, "-name", "web", *options])
    assert machine is not None
    assert (machine.name, machine.uuid, machine.by_libvirt) == ("web", "", False)
    assert machine.nics == (Nic(mac=MAC, model="virtio-net-pci", ifname="tap9"),)


def test_comma_in_a_name_is_doubled() -> None:
    machine = read_command_line(["kvm", "-name", "guest=a,,b=c,process=x"])
    assert machine is not None
    assert machine.name == "a,b=c"


def test_card_without_a_tap_has_no_device() -> None:
    user = ["-netdev", "user,id=u0,hostfwd=tcp::22-:22", "-device", f"e1000,netdev=u0,mac={MAC}"]
    machine = read_command_line(["qemu-kvm", *user])
    assert machine is not None
    assert machine.nics == (Nic(mac=MAC, model="e1000"),)


@pytest.mark.parametrize("program", ["bash", "/usr/bin/qemu-img", "qemu-nbd", "/opt/kvm/run", ""])
def test_other_programs_are_no_machines(program: str) -> None:
    assert read_command_line([program, "-name", "x"]) is None


def test_nonsense_is_left_out() -> None:
    arguments = ["kvm", "-uuid", "not-a-uuid", "-netdev", "{", "-netdev", '{"id": [1], "type": "tap"}']
    arguments += ["-device", '{"driver":"e1000","netdev":"[1]","mac":"<script>"}', "-uuid"]
    machine = read_command_line(arguments)
    assert machine is not None
    assert (machine.name, machine.uuid) == ("", "")
    assert machine.nics == (Nic(mac="", model="e1000"),)


def test_values_nested_too_deep_to_be_read_are_left_out() -> None:
    machine = read_command_line(["kvm", "-name", '{"guest":' + "[" * 100_000, "-uuid", UUID])
    assert machine is not None
    assert (machine.name, machine.uuid) == ("", UUID)


def test_name_as_long_as_a_book_is_cut() -> None:
    machine = read_command_line(["kvm", "-name", "x" * 200_000])
    assert machine is not None
    assert machine.name == "x" * 255


WORDS = st.sampled_from(["-name", "-uuid", "-netdev", "-device", "-nic", "-net", "-object", "tap,id=n", "{", '{"a":1}'])


@given(st.lists(WORDS | st.text(max_size=20), max_size=12))
def test_no_command_line_breaks_the_reader(arguments: list[str]) -> None:
    machine = read_command_line(["kvm", *arguments])
    assert machine is not None
