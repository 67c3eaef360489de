# SPDX-License-Identifier: Apache-2.0
"""What a process may do is looked at; what captures need and it has not is named."""

from pathlib import Path

from netsonde.observe.abilities import Ability, hindrance, look


def test_what_is_missing_for_captures_is_said_once() -> None:
    names = ("eBPF", "AF_PACKET", "CAP_NET_RAW")
    found = [Ability(name, False, "not effective", "") for name in names]
    assert hindrance(found) == "this agent cannot capture packets: it lacks CAP_NET_RAW (not effective)"
    assert hindrance([Ability(name, name != "eBPF", "", "") for name in names]) == ""


def test_a_process_without_proc_is_known_to_have_nothing(tmp_path: Path) -> None:
    found = {one.name: one.ok for one in look(tmp_path / "none")}
    assert not any(found[name] for name in ("CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_SYS_ADMIN"))


def test_every_attempt_ends_with_a_verdict_and_a_reason_when_it_failed() -> None:
    found = look()
    assert {"AF_PACKET", "network namespaces", "sock_diag", "eBPF"} <= {one.name for one in found}
    assert all(one.ok == (one.reason == "") and one.purpose for one in found)
