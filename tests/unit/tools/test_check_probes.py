# SPDX-License-Identifier: Apache-2.0
"""The checker of probes finds what is missing, and nothing in this tree."""

from pathlib import Path

from check_probes import docstring_problems, document_problems, import_problems, missing_tests, problems


def test_every_probe_of_this_tree_is_complete() -> None:
    assert list(problems()) == []


def test_missing_heading_is_named() -> None:
    source = '"""What it is.\n\nSource: a daemon.\nNeeds:  nothing.\n"""'
    assert list(docstring_problems("x", source)) == ["x: the docstring of its main module has no line `Writes:`"]


def test_import_of_another_probe_is_found_and_of_shared_modules_is_not() -> None:
    source = "from netsonde.probes.namespaces import Namespace\nfrom netsonde.probes.netns.probe import NetnsProbe\n"
    found = list(import_problems("netlink", "f.py", source, ["netns", "netlink"]))
    assert found == ["netlink: f.py:2 imports another probe, netsonde.probes.netns.probe"]


def test_missing_tests_and_section_are_named(tmp_path: Path) -> None:
    (tmp_path / "tests" / "unit" / "probes" / "x").mkdir(parents=True)
    assert len(list(missing_tests("x", tmp_path))) == 2
    assert list(document_problems("x", "## Other (probe `y`)"))
