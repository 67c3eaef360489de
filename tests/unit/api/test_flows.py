# SPDX-License-Identifier: Apache-2.0
"""/api/flows and /api/node/{id}/metrics."""

from typing import Any

from netsonde.model.flows import FlowAnswer
from unit.api.fakes import NOW_MS, Fakes


def some_flows(fakes: Fakes) -> None:
    fakes.flows.answer = FlowAnswer(
        [
            {"UUID": "f1", "Last": 1, "Metric": {"ABBytes": 50}},
            {"UUID": "f2", "Last": 3},
            {"UUID": "f3", "Last": 2, "Metric": {"ABBytes": 7}},
        ],
        missing_hosts=["h2"],
    )


def test_flows_are_listed_most_recent_first(client: Any, fakes: Fakes) -> None:
    some_flows(fakes)
    answer = client.get("/api/flows?capture=c1&node=t1&limit=2")
    assert [flow["UUID"] for flow in answer.json()] == ["f2", "f3"]
    assert answer.headers["x-total-count"] == "3"
    assert answer.headers["x-missing-hosts"] == "h2"
    assert (fakes.flows.requests[0].capture_ids, fakes.flows.requests[0].node_tids) == (["c1"], ["t1"])


def test_flows_are_sorted_by_any_field_and_those_without_it_come_last(client: Any, fakes: Fakes) -> None:
    some_flows(fakes)
    answer = client.get("/api/flows?sort=-Metric.ABBytes")
    assert [flow["UUID"] for flow in answer.json()] == ["f1", "f3", "f2"]


def test_a_field_that_no_flow_has_is_refused(client: Any, fakes: Fakes) -> None:
    some_flows(fakes)
    answer = client.get("/api/flows?sort=Lasst")
    assert (answer.status_code, answer.text.splitlines()[0]) == (400, "no flow has a field 'Lasst'")


def test_metrics_of_a_node_reach_as_far_back_as_asked(client: Any, fakes: Fakes) -> None:
    answer = client.get("/api/node/n1/metrics?last=1m")
    assert answer.json() == {"Points": [{"Start": NOW_MS, "Last": NOW_MS + 1000, "RxBytes": 7}]}
    assert fakes.metrics.since_ms == NOW_MS - 60_000
    assert client.get("/api/node/n1/metrics?last=x").status_code == 400
