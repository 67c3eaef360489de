# SPDX-License-Identifier: Apache-2.0
"""The checks and results that an analyzer knows; state without I/O."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from netsonde.checks.attachments import captures_of
from netsonde.model.captures import CaptureView
from netsonde.model.checks import VERDICTS, Check, CheckResult, CheckView, result_key

_MOST_REMEMBERED = 1000
MOST_BYTES = 192 * 1024 * 1024
"""Of all results together, as JSON: their bucket is bounded."""


class Catalogue:
    """Definitions by UUID with their revisions in the store; results by key, and the latest of each interface."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._revisions: dict[str, int] = {}
        self._results: dict[str, CheckResult] = {}
        self._sizes: dict[str, int] = {}
        self._latest: dict[str, dict[str, CheckResult]] = {}

    def checks(self) -> list[Check]:
        """Return all definitions, the oldest first."""
        return sorted(self._checks.values(), key=lambda check: (check.created_at, check.uuid))

    def check(self, uuid: str) -> Check | None:
        return self._checks.get(uuid)

    def revision(self, uuid: str) -> int:
        """Return the revision of a definition in the store, 0 when there is none."""
        return self._revisions.get(uuid, 0)

    def put(self, check: Check, revision: int) -> bool:
        """Take a definition; False when it is no news."""
        if revision <= self.revision(check.uuid):
            return False
        self._revisions[check.uuid] = revision
        self._checks[check.uuid] = check
        return True

    def remove(self, uuid: str) -> Check | None:
        # An echo of an earlier write may still be on its way; it must not bring the check back.
        gone = [known for known in self._revisions if known not in self._checks]
        for known in gone[:-_MOST_REMEMBERED]:
            del self._revisions[known]
        return self._checks.pop(uuid, None)

    def put_result(self, result: CheckResult) -> bool:
        """Take a result; tells whether it is the latest of its interface."""
        key = result_key(result)
        self._results[key], self._sizes[key] = result, len(msgspec.json.encode(result))
        latest = self._latest.setdefault(result.check, {})
        before = latest.get(result.node_id)
        if before is not None and before.started_at > result.started_at:
            return False
        latest[result.node_id] = result
        return True

    def remove_result(self, key: str) -> CheckResult | None:
        """Forget a result; return it."""
        result = self._results.pop(key, None)
        self._sizes.pop(key, None)
        if result is not None:
            latest = self._latest.get(result.check, {})
            known = latest.get(result.node_id)
            if known is not None and result_key(known) == key:
                del latest[result.node_id]
            if not latest:
                self._latest.pop(result.check, None)
        return result

    def has(self, result: CheckResult) -> bool:
        """Tell whether this very result is known."""
        return self._results.get(result_key(result)) == result

    def is_outdated(self, result: CheckResult) -> bool:
        """Tell whether it is what was thought before a verdict that is known: echoes of writes come late."""
        known = self._results.get(result_key(result))
        return known is not None and known.ended_at > 0 == result.ended_at and known.run_at >= result.run_at

    def results(self, uuid: str) -> list[CheckResult]:
        """Return all results of a check, the newest first."""
        found = [result for result in self._results.values() if result.check == uuid]
        return sorted(found, key=lambda result: (-result.started_at, result.node_name, result.node_id))

    def latest(self, uuid: str, node_id: str) -> CheckResult | None:
        return self._latest.get(uuid, {}).get(node_id)

    def latest_of(self, uuid: str) -> Iterable[CheckResult]:
        return self._latest.get(uuid, {}).values()

    def unfinished(self) -> list[CheckResult]:
        return [result for result in self._results.values() if not result.ended_at]

    def surplus(self, most: int) -> Iterator[str]:
        """Yield the keys of results that have to go: those of no check, then the oldest beyond `most`, or the bytes."""
        kept: list[tuple[int, str]] = []
        for key, result in self._results.items():
            if result.check in self._checks:
                kept.append((result.started_at, key))
            else:
                yield key
        if len(kept) <= most and sum(self._sizes.values()) <= MOST_BYTES:
            return
        room = MOST_BYTES
        for position, (_, key) in enumerate(sorted(kept, reverse=True)):
            room -= self._sizes[key]
            if position >= most or room < 0:
                yield key

    def verdicts(self, uuid: str) -> dict[str, int]:
        """Return how many interfaces have which verdict."""
        counted = Counter(result.verdict for result in self.latest_of(uuid))
        return {verdict: counted[verdict] for verdict in VERDICTS}

    def view(self, check: Check, captures: Sequence[CaptureView]) -> CheckView:
        """Return a check as it is shown."""
        own = captures_of(check, captures)
        main = next((view for view in own if view.gremlin_query == check.gremlin_query), None)
        status = None if main is None else main.status
        fields = {field.name: getattr(check, field.name) for field in msgspec.structs.fields(Check)}
        return CheckView(
            **fields,
            verdicts=self.verdicts(check.uuid),
            captures=[view.uuid for view in own],
            interfaces=0 if status is None else status.capturable,
            state="starting" if status is None else status.state,
            reason="" if status is None else status.reason,
        )
