# SPDX-License-Identifier: Apache-2.0
"""What a host is made of, read from files of made-up machines."""

from pathlib import Path

import pytest

from netsonde.probes.host_hardware import board, booted_at, hardware_metadata, memory, numa, processors
from netsonde.schema import unlisted


def write(root: Path, **files: str) -> Path:
    """Write files; `__` stands for a slash in their names, `_d_` for a hyphen."""
    for name, text in files.items():
        file = root / name.replace("__", "/").replace("_d_", "-")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return root


def cpu(root: Path, number: int, package: str, die: str, core: str) -> None:
    folder = f"sys__devices__system__cpu__cpu{number}__topology__"
    names = ("physical_package_id", "die_id", "core_id")
    write(root, **{folder + name: text for name, text in zip(names, (package, die, core), strict=True)})


def test_processors_are_counted_by_socket_core_and_thread(tmp_path: Path) -> None:
    for number in range(8):
        cpu(tmp_path, number, str(number % 2), "0", str(number // 2 % 2))
    assert processors(tmp_path) == {"Sockets": 2, "Cores": 4, "Threads": 8}


def test_cores_of_two_dies_with_one_number_are_two(tmp_path: Path) -> None:
    cpu(tmp_path, 0, "0", "0", "0")
    cpu(tmp_path, 1, "0", "1", "0")
    assert processors(tmp_path) == {"Sockets": 1, "Cores": 2, "Threads": 2}


def test_processor_that_is_switched_off_does_not_count(tmp_path: Path) -> None:
    cpu(tmp_path, 0, "0", "0", "0")
    write(tmp_path, sys__devices__system__cpu__cpu1__online="0")
    assert processors(tmp_path)["Threads"] == 1


def test_memory_is_told_in_octets_and_what_is_not_there_is_absent() -> None:
    assert memory(
        "MemTotal:  1024 kB\nMemFree: 5 kB\nSwapTotal: 0 kB\nHugePages_Total: 0\nHugepagesize: 2048 kB\n"
    ) == {"Total": 1048576}
    assert memory("MemTotal: 1024 kB\nSwapTotal: 1 kB\nHugePages_Total: 4\nHugepagesize: 2048 kB\n") == {
        "Total": 1048576,
        "Swap": 1024,
        "HugePages": 4,
        "HugePageSize": 2097152,
    }


@pytest.mark.parametrize("text", ["", "MemTotal: kB", "MemTotal: -5 kB", "MemTotal: " + "9" * 400 + " kB"])
def test_memory_that_makes_no_sense_is_absent(text: str) -> None:
    assert memory(text) == {}


def test_nodes_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2):
        folder = f"sys__devices__system__node__node{number}__"
        write(tmp_path, **{folder + "cpulist": "0-3,8", folder + "meminfo": f"Node {number} MemTotal: 1024 kB"})
    write(tmp_path, sys__devices__system__node__node3__cpulist="")
    assert numa(tmp_path) == [
        {"Node": 2, "CPUs": "0-3,8", "Memory": 1048576},
        {"Node": 3, "CPUs": ""},
        {"Node": 10, "CPUs": "0-3,8", "Memory": 1048576},
    ]


def test_board_says_what_its_maker_filled_in(tmp_path: Path) -> None:
    write(
        tmp_path,
        sys__class__dmi__id__sys_vendor="Dell Inc.",
        sys__class__dmi__id__product_name="PowerEdge R740",
        sys__class__dmi__id__product_version="Not Specified",
        sys__class__dmi__id__product_serial="To Be Filled By O.E.M.",
        sys__class__dmi__id__chassis_asset_tag="Default string",
        sys__class__dmi__id__board_name="0.0.0",
        sys__class__dmi__id__bios_version="2.19.1",
    )
    assert board(tmp_path) == {"Vendor": "Dell Inc.", "Product": "PowerEdge R740", "FirmwareVersion": "2.19.1"}


def test_text_of_firmware_is_short_and_printable(tmp_path: Path) -> None:
    write(tmp_path, sys__class__dmi__id__product_name="\x1b[2JX\0y\u202e ", sys__class__dmi__id__board_name="b" * 9999)
    assert board(tmp_path) == {"Product": "[2JX y", "BoardName": "b" * 256}


def test_machine_without_dmi_tells_its_model_by_its_device_tree(tmp_path: Path) -> None:
    write(tmp_path, proc__device_d_tree__model="Raspberry Pi 4 Model B\0", proc__device_d_tree__serial_d_number="\0")
    assert board(tmp_path) == {"Product": "Raspberry Pi 4 Model B"}


def test_boot_is_told_in_milliseconds() -> None:
    assert booted_at("cpu 1 2 3\nbtime 1796014467\nprocesses 5\n") == 1_796_014_467_000
    assert booted_at("cpu 1 2 3\n") == 0


def test_all_together_are_listed_keys(tmp_path: Path) -> None:
    cpu(tmp_path, 0, "0", "0", "0")
    write(
        tmp_path,
        proc__meminfo="MemTotal: 1024 kB\nSwapTotal: 1 kB\nHugePages_Total: 4\nHugepagesize: 2048 kB",
        proc__stat="btime 1796014467",
        proc__sys__kernel__random__boot_id="eadfcbfb-b152-40c4-9e9b-4ecf7f3482b1",
        sys__devices__system__node__node0__cpulist="0",
        sys__class__dmi__id__sys_vendor="Dell Inc.",
    )
    found = hardware_metadata(tmp_path)
    assert found.keys() == {"Processors", "Memory", "NUMA", "Hardware", "BootID", "BootedAt"}
    assert unlisted({"Type": "host", **found}) == []


def test_machine_that_says_nothing_has_no_facts(tmp_path: Path) -> None:
    assert hardware_metadata(tmp_path) == {}
