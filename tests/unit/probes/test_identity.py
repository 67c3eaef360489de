# SPDX-License-Identifier: Apache-2.0
"""Ids of nodes: stable, and different between hosts."""

from pathlib import Path

import pytest

from netsonde.errors import UserError
from netsonde.probes.identity import Identity, read_machine_id


def test_ids_are_the_same_after_a_restart_and_differ_between_hosts_and_namespaces() -> None:
    one, again, other = Identity("m1"), Identity("m1"), Identity("m2")
    assert one.interface(None, 2) == again.interface(None, 2)
    ids = {one.host(), one.netns(42), one.interface(None, 2), one.interface(42, 2), one.row("x", "u"), other.host()}
    assert len(ids | {other.interface(None, 2)}) == 7


def test_machine_id_comes_from_the_first_file_that_has_one(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("uninitialized\n")
    second.write_text("0123456789abcdef\n")
    assert read_machine_id((tmp_path / "none", first, second)) == "0123456789abcdef"
    with pytest.raises(UserError, match="no machine id"):
        read_machine_id((first,))
