# SPDX-License-Identifier: Apache-2.0
"""Tables, chains, sets and rules counted; kernels that refuse, change meanwhile, or talk rubbish."""

import errno
from pathlib import Path
from typing import Any, cast

import pytest

from netsonde.errors import SourceLost, WireError
from netsonde.probes.netfilter.nftables import is_loaded, read_generation, read_ruleset, ruleset_metadata
from netsonde.schema import unlisted
from unit.probes.netfilter.kernel import INET, IPV4, IPV6, Kernel

ROWS = {
    1: [(INET, "filter"), (IPV4, "nat")],
    4: [(INET, "filter"), (INET, "filter"), (IPV4, "nat")],
    10: [(INET, "filter")],
    7: [(IPV4, "nat")] * 3,
}


def kernel(found: Kernel) -> Any:
    return cast("Any", found)


def test_everything_is_counted_by_table_and_in_all() -> None:
    found = read_ruleset(kernel(Kernel(ROWS)), 100)
    assert found is not None
    shown = ruleset_metadata(found, 10)
    assert shown == {
        "Chains": 3,
        "Sets": 1,
        "Rules": 3,
        "Tables": [
            {"Family": "inet", "Name": "filter", "Chains": 2, "Sets": 1, "Rules": 0},
            {"Family": "ip", "Name": "nat", "Chains": 1, "Sets": 0, "Rules": 3},
        ],
    }
    assert unlisted({"Type": "netns", "NFTables": shown}) == []


def test_tables_of_one_name_are_kept_apart_by_family() -> None:
    rows = {1: [(IPV4, "nat"), (IPV6, "nat")], 7: [(IPV6, "nat")]}
    found = read_ruleset(kernel(Kernel(rows)), 100)
    assert found is not None
    assert [table["Rules"] for table in found.tables.values()] == [0, 1]


def test_more_than_the_limits_is_told() -> None:
    found = read_ruleset(kernel(Kernel(ROWS)), 7)
    assert found is not None
    shown = ruleset_metadata(found, 1)
    assert (shown["Rules"], shown["Uncounted"], shown["TablesOmitted"]) == (1, True, 1)
    assert unlisted({"Type": "host", "NFTables": shown}) == []


def test_tables_without_end_are_not_kept() -> None:
    found = read_ruleset(kernel(Kernel({1: [(INET, f"t{number}") for number in range(100)]})), 5)
    assert found is not None
    assert (len(found.tables), found.cut) == (5, True)


def test_exactly_the_limit_is_no_more() -> None:
    found = read_ruleset(kernel(Kernel(ROWS)), 9)
    assert found is not None
    assert not found.cut


def test_namespace_without_tables_says_nothing() -> None:
    found = read_ruleset(kernel(Kernel()), 100)
    assert found is not None
    assert ruleset_metadata(found, 10) == {}


def test_reading_that_a_change_interrupts_is_repeated() -> None:
    source = Kernel(ROWS, interruptions=1)
    assert read_ruleset(kernel(source), 100) is not None
    assert source.questions == [1, 4, 10, 7] * 2


def test_rules_that_change_all_the_while_are_not_told_wrongly() -> None:
    assert read_ruleset(kernel(Kernel(ROWS, interruptions=99)), 100) is None


def test_generation_is_told() -> None:
    assert read_generation(kernel(Kernel(generation=70_000))) == 70_000


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP])
def test_kernel_without_nftables_has_no_generation(number: int) -> None:
    assert read_generation(kernel(Kernel(refusal=number))) is None


def test_refusal_names_what_is_refused() -> None:
    source = kernel(Kernel(refusal=errno.EPERM))
    with pytest.raises(SourceLost, match=r"does not tell the rules of nftables: .*EPERM"):
        read_generation(source)
    with pytest.raises(SourceLost, match=r"does not list the rules of nftables: .*EPERM"):
        read_ruleset(source, 100)


def test_dump_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    with pytest.raises(SourceLost, match="ENOMEM"):
        read_ruleset(kernel(Kernel(ROWS, breaks_off=errno.ENOMEM)), 100)


def test_silent_kernel_is_lost() -> None:
    with pytest.raises(SourceLost, match="timed out"):
        read_generation(kernel(Kernel(silent=True)))


def test_rubbish_is_refused() -> None:
    with pytest.raises(WireError):
        read_ruleset(kernel(Kernel(rubbish=b"\xff" * 64)), 100)


def test_kernel_that_would_have_to_load_nftables_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = tmp_path / "modules"
    modules.write_text("nf_conntrack 200704 1 - Live 0x0\n")
    monkeypatch.setattr("netsonde.probes.netfilter.nftables._built_in", lambda: False)
    assert not is_loaded(tmp_path / "nf_tables", modules)
    (tmp_path / "nf_tables").mkdir()
    assert is_loaded(tmp_path / "nf_tables", modules)


def test_kernel_that_loads_no_modules_is_asked(tmp_path: Path) -> None:
    assert is_loaded(tmp_path / "nf_tables", tmp_path / "modules")
