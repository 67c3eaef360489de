# SPDX-License-Identifier: Apache-2.0
"""What the table of an answer shows."""

import pytest

from netsonde.cli.output import plain, say
from netsonde.cli.results import columns_of, is_by_owner, items_of, rows_of_owners

NODE = {"ID": "1", "Metadata": {"Name": "eth0"}}
PEER = {"ID": "2", "Metadata": {"Name": "br0"}}


def test_a_path_is_shown_by_the_names_of_its_nodes() -> None:
    assert items_of([[NODE, PEER]]) == [{"Path": "eth0 > br0"}]


def test_values_that_are_lists_are_no_paths() -> None:
    processors = [[{"CPU": 0}, {"CPU": 1}]]
    assert items_of(processors) == processors


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (["UP", "LOWER_UP"], "UP, LOWER_UP"),
        ([{"Key": "MTU", "Old": 1500, "New": 9000}], "MTU: 1500 → 9000"),
        ([{"Key": "State", "New": "UP"}, {"Key": "Speed", "Old": 10}], 'State: - → "UP", Speed: 10 → -'),
        ({"a": [1]}, '{"a":[1]}'),
        ("\x1b[31mred", "\N{REPLACEMENT CHARACTER}[31mred"),
    ],
)
def test_a_cell_is_one_line_that_drives_no_terminal(value: object, shown: str) -> None:
    assert plain(value) == shown


def test_what_a_script_says_drives_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\tb\n\x1b]0;mine\x07c\rd")
    assert capsys.readouterr().err == "a\tb\n\ufffd]0;mine\ufffdc\ufffdd\n"


RULE = {"Bridge": "br0", "Table": 0, "Match": "ip", "Actions": ["output:1"], "Fields": {"ip": True}}


def test_what_is_listed_by_owner_is_one_row_each_with_its_owner() -> None:
    assert is_by_owner([{"n1": [RULE, RULE], "n2": [RULE]}])
    assert rows_of_owners({"n1": [RULE], "n2": [RULE]}) == [{**RULE, "Of": "n1"}, {**RULE, "Of": "n2"}]
    assert rows_of_owners({"n1": {"IP": "10.0.0.1"}}) == [{"IP": "10.0.0.1", "Of": "n1"}]


@pytest.mark.parametrize("answer", [None, 3, [], [3], [{}], [{"n1": []}], [{"Name": "eth0"}], [{"n1": [3]}]])
def test_other_answers_are_not_taken_for_such(answer: object) -> None:
    assert not is_by_owner(answer)


def test_rules_have_the_columns_that_operators_look_for_first() -> None:
    assert [name for name, _ in columns_of([{**RULE, "Of": "n1"}])][:5] == [
        *("BRIDGE", "TABLE", "PRIORITY", "MATCH", "ACTIONS"),
    ]
