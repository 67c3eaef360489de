# SPDX-License-Identifier: Apache-2.0
"""What a source is asked to test never changes what a query gives: random filters on random flows, both ways."""

import os
import random
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from flow_tests import asking_for_everything, passes
from history_rows import flows
from netsonde.flows.records import flow_dicts
from netsonde.flows.schema import FLOW_SCHEMA
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.flows import FlowAnswer, FlowRequest
from netsonde.query import Sources, parse, run
from netsonde.query.flow_columns import FIELD_COLUMNS, TEXT_COLUMNS
from unit.query.flow_generator import random_flows, random_query

ROUNDS = int(os.environ.get("NETSONDE_TEST_ROUNDS", "250"))


class Columns:
    """A source that tests columns as agents do, and cuts as they do."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows = sorted(rows, key=lambda row: (-row["last_ns"], row["uuid"]))
        self.cut = 0

    async def flows(self, request: FlowRequest) -> FlowAnswer:
        rows = [row for row in self._rows if passes(row, request.where)]
        found = flow_dicts([flows(*rows)])
        wanted = (("NodeTID", request.node_tids), ("CaptureID", request.capture_ids), ("UUID", request.uuids))
        found = [flow for flow in found if all(values is None or flow.get(key) in values for key, values in wanted)]
        self.cut += len(self._rows) - len(found[: request.limit])
        return FlowAnswer(found[: request.limit], truncated=len(found) > request.limit)


@pytest.mark.parametrize("seed", range(3))
async def test_asking_for_less_gives_the_same(seed: int) -> None:
    pick = random.Random(seed)
    cut = 0
    for _ in range(ROUNDS // 60):
        source = Columns(random_flows(pick, 40))
        sources = Sources(SnapshotGraph((), ()), flows=source)
        for _ in range(10):
            plan = parse(random_query(pick))

            narrowed = await run(plan, sources)
            cut += source.cut
            whole = await run(asking_for_everything(plan), sources)
            source.cut = 0

            assert narrowed.value == whole.value, plan.text
            assert not narrowed.truncated
    assert cut > 0


def test_every_column_of_the_schema_is_a_field_that_a_query_can_name() -> None:
    about_the_batch = {"report", "report_number"}
    named = {field.column for field in FIELD_COLUMNS.values()} | {"tcp_metric"}

    assert named == set(FLOW_SCHEMA.names) - about_the_batch
    assert {name for name in named if pa.types.is_string(FLOW_SCHEMA.field(name).type)} == TEXT_COLUMNS
