# SPDX-License-Identifier: Apache-2.0
"""The table of Unix sockets: a line of a real one, and what a name can make of it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from netsonde.probes.lxc.sockets import CommandSocket, command_sockets

HEAD = b"Num       RefCount Protocol Flags    Type St Inode Path\n"
ROW = b"0000000022da1e8a: 00000002 00000000 %s 0001 01 %d %s\n"
LISTENS, CONNECTED = b"00010000", b"00000000"


def sockets(*rows: bytes) -> set[CommandSocket]:
    with TemporaryDirectory() as directory:
        table = Path(directory) / "unix"
        table.write_bytes(HEAD + b"".join(rows))
        return command_sockets(table)


def test_command_sockets_are_abstract_ones_of_that_name_that_listen() -> None:
    found = sockets(
        ROW % (LISTENS, 41045, b"@/var/lib/lxc/c 1/command"),
        ROW % (LISTENS, 41046, b"@lxc/0123456789abcdef/command"),
        ROW % (CONNECTED, 41047, b"@/var/lib/lxc/c1/command"),
        ROW % (LISTENS, 41048, b"/var/lib/lxc/c2/command"),
        ROW % (LISTENS, 41049, b"@/var/lib/lxc/c3/commands"),
        b"0000000022da1e8b: 00000003 00000000 00000000 0001 03 41050\n",
    )
    assert found == {
        CommandSocket(41045, "/var/lib/lxc/c 1/command"),
        CommandSocket(41046, "lxc/0123456789abcdef/command"),
    }


def test_name_that_pretends_to_be_another_line_hides_no_socket() -> None:
    forged = b"@x\n" + ROW % (LISTENS, 7, b"@/elsewhere/command")
    assert CommandSocket(7, "/var/lib/lxc/c1/command") in sockets(
        ROW % (LISTENS, 7, b"@/var/lib/lxc/c1/command"), forged
    )


@given(st.lists(st.binary(max_size=80) | st.sampled_from([b"@", b" ", b"\n", b"/command", b"00010000"])))
def test_any_table_can_be_read(parts: list[bytes]) -> None:
    assert all(one.address.endswith("/command") for one in sockets(*parts))


def test_no_table_has_no_sockets(tmp_path: Path) -> None:
    assert command_sockets(tmp_path / "unix") == set()
