# SPDX-License-Identifier: Apache-2.0
"""The instructions that are built in are those of meter.c."""

import runpy
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[3] / "tools" / "ebpf_program.py"


def test_instructions_are_of_the_present_source() -> None:
    tool = runpy.run_path(str(TOOL))
    assert f"source: {tool['digest']()}\n" in tool["TARGET"].read_text(), "stale: run tools/ebpf_program.py"


def test_instructions_are_what_the_compiler_makes() -> None:
    tool = runpy.run_path(str(TOOL))
    present, compiler = tool["TARGET"].read_text(), tool["compiler"]()
    if f"compiler: clang {compiler}\n" not in present:
        pytest.skip(f"clang {compiler} is not the one that made them")
    assert present == tool["generated"](), "stale: run tools/ebpf_program.py"
