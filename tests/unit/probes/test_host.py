# SPDX-License-Identifier: Apache-2.0
"""The host's facts, read from files of a made-up machine."""

from pathlib import Path

from netsonde.model.elements import Metadata
from netsonde.probes.host import command_line, cpu_list, cpus, host_metadata, nest

CPUINFO = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model name\t: Xeon
cpu MHz\t\t: 2400.5
stepping\t: unknown
flags\t\t: fpu hypervisor

processor\t: 1
model name\t: Xeon
"""


def test_cpus_keep_number_0_and_leave_out_what_is_no_number() -> None:
    assert cpus(CPUINFO) == [
        {"CPU": 0, "VendorID": "GenuineIntel", "Family": "6", "ModelName": "Xeon", "Mhz": 2400.5},
        {"CPU": 1, "ModelName": "Xeon"},
    ]


def test_cpu_list_of_the_kernel() -> None:
    assert cpu_list("2-4,7\n") == [2, 3, 4, 7]
    assert cpu_list("\n") == []


def test_command_line_keeps_quotes_and_repeated_keys() -> None:
    assert command_line('quiet root=/dev/vda1 dyndbg="file a.c +p" console=tty0 console=ttyS0\n') == {
        "quiet": True,
        "root": "/dev/vda1",
        "dyndbg": "file a.c +p",
        "console": ["tty0", "ttyS0"],
    }


def test_dotted_key_of_the_user_nests() -> None:
    metadata: Metadata = {}
    nest(metadata, "site.rack", "r12")
    nest(metadata, "site.row", "3")
    assert metadata == {"site": {"rack": "r12", "row": "3"}}


def test_facts_that_cannot_be_read_are_absent(tmp_path: Path) -> None:
    metadata = host_metadata("h1", {"rack": "r12"}, tmp_path)
    assert {"Name": "h1", "Type": "host", "rack": "r12"}.items() <= metadata.items()
    assert "CPU" not in metadata
    assert "InstanceID" not in metadata


def test_release_and_hypervisor_are_read(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "os-release").write_text('ID=ubuntu\nVERSION_ID="24.04"\n')
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text(CPUINFO)
    metadata = host_metadata("h1", {}, tmp_path)
    assert (metadata["Platform"], metadata["PlatformFamily"], metadata["PlatformVersion"]) == (
        "ubuntu",
        "debian",
        "24.04",
    )
    assert metadata["VirtualizationRole"] == "guest"


def test_user_cannot_rename_the_host_by_accident(tmp_path: Path) -> None:
    assert host_metadata("h1", {"Type": "switch"}, tmp_path)["Type"] == "host"
