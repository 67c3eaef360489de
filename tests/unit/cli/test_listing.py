# SPDX-License-Identifier: Apache-2.0
"""`--watch` of lists: everything first, then what changes."""

import json
from collections.abc import Sequence

import pytest

from netsonde.cli.listing import show_list
from netsonde.cli.options import Form
from netsonde.model.captures import CaptureView
from unit.cli.conftest import Command, Server

COLUMNS = (("UUID", lambda one: one.uuid), ("NAME", lambda one: one.name), ("COUNT", lambda one: one.count))
A, B = CaptureView(uuid="a", name="first"), CaptureView(uuid="b", name="second")


class Over(Exception):
    """There is nothing more to tell."""


def looks(*answers: Sequence[CaptureView]) -> "Looks":
    return Looks(list(answers))


class Looks:
    """Answers one after the other."""

    def __init__(self, answers: list[Sequence[CaptureView]]) -> None:
        self._answers = answers

    def __call__(self) -> Sequence[CaptureView]:
        if not self._answers:
            raise Over
        return self._answers.pop(0)


CHANGED = CaptureView(uuid="a", name="first", count=2)


def test_a_table_is_followed_by_lines_with_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Over):
        show_list(looks([A], [A], [CHANGED, B], [B]), Form.TABLE, COLUMNS, watch=True, every=0.001)
    header, first, *changes = capsys.readouterr().out.splitlines()
    assert (header.split(), first.split()) == (["UUID", "NAME", "COUNT"], ["a", "first", "0"])
    assert [line.split()[1:] for line in changes] == [
        ["~", "a", "first", "2"],
        ["+", "b", "second", "0"],
        ["-", "a", "first"],
    ]


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Over):
        show_list(looks([A], [CHANGED], []), Form.JSON, COLUMNS, watch=True, every=0.001)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["Change"], line["Row"]["UUID"]) for line in lines] == [("+", "a"), ("~", "a"), ("-", "a")]
    assert lines[1]["Keys"] == {"Count": {"Before": 0, "After": 2}}


def test_an_empty_list_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Over):
        show_list(looks([]), Form.TABLE, COLUMNS, watch=True, every=0.001)
    assert capsys.readouterr().err == "nothing found yet\n"


@pytest.mark.parametrize("verb", ["capture", "check", "alert", "inject", "rule"])
def test_changes_have_no_form_in_csv_or_yaml(netsonde: Command, server: Server, verb: str) -> None:
    done = netsonde(verb, "list", "--watch", "-o", "csv")
    assert (done.status, "one object a line" in done.err) == (2, True)
