# SPDX-License-Identifier: Apache-2.0
"""The forms of time that `At` takes."""

import pytest

from netsonde.query import QueryError, Sources, parse, run
from netsonde.query.time import duration_ns
from unit.query.lab import FakeHistory, lab_elements, live_graph

NOW_MS = 1_700_000_060_000
SECOND = 1_700_000_000

FORMS = [
    (f"{SECOND}", SECOND * 1000, SECOND * 1000),
    (f"{SECOND * 1000}", SECOND * 1000, SECOND * 1000),
    ("2147483648", 2_147_483_648_000, 2_147_483_648_000),
    ("4102444800", 4_102_444_800_000, 4_102_444_800_000),
    ("1.5", 1500, 1500),
    ("NOW", NOW_MS, NOW_MS),
    ("now()", NOW_MS, NOW_MS),
    ("'-1m'", NOW_MS - 60_000, NOW_MS - 60_000),
    ("'-1h30m'", NOW_MS - 5_400_000, NOW_MS - 5_400_000),
    ("'-0s'", NOW_MS, NOW_MS),
    ("'300ms'", NOW_MS + 300, NOW_MS + 300),
    ("'-1.5s'", NOW_MS - 1500, NOW_MS - 1500),
    ("'-2d'", NOW_MS - 172_800_000, NOW_MS - 172_800_000),
    ("'Sun, 06 Nov 2016 08:49:37 GMT'", 1_478_422_177_000, 1_478_422_177_000),
    ("'Sun, 06 Nov 2016 08:49:37 +0100'", 1_478_418_577_000, 1_478_418_577_000),
    ("'2016-11-06T08:49:37Z'", 1_478_422_177_000, 1_478_422_177_000),
    ("'2016-11-06T08:49:37.250+01:00'", 1_478_418_577_250, 1_478_418_577_250),
    ("'2016-11-06 08:49'", 1_478_422_140_000, 1_478_422_140_000),
    ("NOW, 30", NOW_MS - 30_000, NOW_MS),
    ("NOW, '1m'", NOW_MS - 60_000, NOW_MS),
    ("NOW, 0", NOW_MS, NOW_MS),
    ("'-1m', FOREVER", 0, NOW_MS - 60_000),
    ("10, 30", 0, 10_000),
    ("'-10m', '-5m'", NOW_MS - 600_000, NOW_MS - 300_000),
    ("'-1h', NOW", NOW_MS - 3_600_000, NOW_MS),
    ("NOW, '-1h'", NOW_MS - 3_600_000, NOW_MS),
    ("'2016-11-06T08:49:37Z', '2016-11-06T09:49:37+01:00'", 1_478_422_177_000, 1_478_422_177_000),
    ("'2016-11-06T08:00Z', '2016-11-06t09:00z'", 1_478_419_200_000, 1_478_422_800_000),
    ("'20161106T084937Z'", 1_478_422_177_000, 1_478_422_177_000),
]
REFUSED = [
    "'Sun, 06 Nov 2016 08:49:37 CET'",
    "'yesterday'",
    "'1700000000'",
    "'2016-13-01'",
    "'10x'",
    "''",
    "true",
    "FOREVER",
    "NOW, 'yesterday'",
    "NOW, 'x'",
    "NOW, -5",
    "1, 2, 3",
    "1e300",
]


def _sources() -> tuple[Sources, FakeHistory]:
    nodes, edges = lab_elements()
    history = FakeHistory(nodes, edges)
    return Sources(live_graph(nodes, edges), history=history, now_ms=lambda: NOW_MS), history


@pytest.mark.parametrize(("text", "start_ms", "last_ms"), FORMS)
async def test_history_is_asked_for_the_time_that_was_meant(text: str, start_ms: int, last_ms: int) -> None:
    sources, history = _sources()

    await run(parse(f"G.At({text}).V()"), sources)

    assert history.asked == [(start_ms, last_ms)]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(f"G.At({text}).V()")

    assert caught.value.span is not None


async def test_relative_times_are_bound_at_each_run() -> None:
    sources, history = _sources()
    plan = parse("G.At('-1s').V()")
    later = Sources(sources.graph, history=history, now_ms=lambda: NOW_MS + 5000)

    await run(plan, sources)
    await run(plan, later)

    assert history.asked == [(NOW_MS - 1000, NOW_MS - 1000), (NOW_MS + 4000, NOW_MS + 4000)]


async def test_a_second_time_replaces_the_first() -> None:
    sources, history = _sources()

    await run(parse("G.At(1).At(2).V()"), sources)

    assert history.asked[-1] == (2000, 2000)


async def test_without_history_the_past_is_refused() -> None:
    sources, _ = _sources()

    with pytest.raises(QueryError, match="no history"):
        await run(parse("G.At(NOW).V()"), Sources(sources.graph))


@pytest.mark.parametrize(
    ("text", "ns"), [("1us", 1000), ("2µs", 2000), ("0", 0), ("1h1m1s1ms1us1ns", 3_661_001_001_001)]
)
def test_durations_add_their_parts(text: str, ns: int) -> None:
    assert duration_ns(text) == ns


@pytest.mark.parametrize("text", ["", "-", "5", "s", "1s2", "1.s.", "٣s"])
def test_texts_that_are_no_durations_are_none(text: str) -> None:
    assert duration_ns(text) is None
