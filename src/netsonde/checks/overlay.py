# SPDX-License-Identifier: Apache-2.0
"""Verdicts on nodes: `Check.<name>.Verdict` of the latest run, above what probes say.

Writes: the key `Check` on judged nodes, in the layer `computed:checks`.
"""

from typing import Final

from netsonde.graph import Graph
from netsonde.model.checks import CheckResult
from netsonde.model.elements import Json, Metadata

OWNER: Final = "computed:checks"


class Overlay:
    """Keeps the graph's nodes up to date with the latest results."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._shown: dict[str, dict[str, CheckResult]] = {}

    def show(self, result: CheckResult) -> None:
        """Show a result, the latest of its check on its node."""
        self._shown.setdefault(result.node_id, {})[result.check] = result
        self._write(result.node_id)

    def hide(self, result: CheckResult) -> None:
        """Show nothing of a check on a node any more."""
        shown = self._shown.get(result.node_id, {})
        if shown.pop(result.check, None) is not None:
            if not shown:
                del self._shown[result.node_id]
            self._write(result.node_id)

    def came(self, node_id: str) -> None:
        """A node is there, again perhaps: what is known of it is shown."""
        if node_id in self._shown:
            self._write(node_id)

    def _write(self, node_id: str) -> None:
        results = self._shown.get(node_id, {}).values()
        wanted: Metadata = {"Check": {result.check_name: _entry(result) for result in results}} if results else {}
        self._graph.note(node_id, OWNER, wanted)


def _entry(result: CheckResult) -> Json:
    entry: dict[str, Json] = {"Verdict": result.verdict, "At": result.ended_at or result.started_at}
    if result.sentence:
        entry["Sentence"] = result.sentence
    return entry
