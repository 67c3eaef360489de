# SPDX-License-Identifier: Apache-2.0
"""A short seeded slice of what `tools/fuzz_api` does for ten minutes; last, since it leaves things behind."""

from pathlib import Path

from api_fuzz import fuzz

from system.stack import Stack

SECONDS = 8


def test_the_server_answers_as_its_document_says(stack: Stack, tmp_path: Path) -> None:
    done = fuzz(stack, SECONDS, seed=3, folder=tmp_path)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert stack.status_code("/readyz") == 200
    assert "a part crashed" not in stack.log.read_text(errors="replace")
