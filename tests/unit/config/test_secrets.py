# SPDX-License-Identifier: Apache-2.0
"""Secrets in files that settings name."""

from pathlib import Path

import pytest

from netsonde.config.secrets import read_secret_file
from netsonde.errors import UserError


def test_white_space_around_a_secret_is_none_of_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("  two words\n")
    assert read_secret_file(file, "bus.token_file") == "two words"


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (b"\xff\xfe", "it is no text")])
def test_a_file_that_cannot_be_read_is_named_with_its_setting(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=f"{file}: {reason}") as refused:
        read_secret_file(file, "bus.token_file")
    assert refused.value.hint == "set bus.token_file to a readable file"
