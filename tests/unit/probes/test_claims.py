# SPDX-License-Identifier: Apache-2.0
"""Who may say of which process that it is a container's."""

import os
from pathlib import Path

import pytest

from netsonde.probes.claims import may_claim

ME = os.geteuid()
OTHER = ME + 1


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Process 70, whose parent 60 is ours."""
    (tmp_path / "60").mkdir()
    (tmp_path / "70").mkdir()
    (tmp_path / "70/stat").write_text("70 (a) b) S 60 1 1 0")
    return tmp_path


def test_root_and_we_are_believed(proc: Path) -> None:
    assert may_claim(0, 70, proc)
    assert may_claim(ME, 70, proc)


def test_users_are_believed_about_children_of_their_own_processes_only(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not may_claim(OTHER, 70, proc)
    monkeypatch.setattr(os, "geteuid", lambda: OTHER + 1)
    assert may_claim((proc / "60").stat().st_uid, 70, proc)


def test_nobody_but_root_is_believed_about_a_process_that_is_gone_or_makes_no_sense(proc: Path) -> None:
    assert not may_claim(OTHER, 71, proc)
    (proc / "70/stat").write_text("70 (a")
    assert not may_claim(OTHER, 70, proc)
