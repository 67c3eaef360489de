# SPDX-License-Identifier: Apache-2.0
"""What calls workflows by itself: schedules, verdicts of checks, captures that start on an interface.

Only the analyzer that holds the lease calls; events are heard from then on, none is made up for. A trigger acts with
the rights of the workflow's owner.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

import msgspec

from netsonde.aio import DroppingQueue, spawn
from netsonde.errors import UserError
from netsonde.model.captures import CaptureChange, CaptureView
from netsonde.model.checks import CheckChange, CheckResult
from netsonde.model.elements import Json
from netsonde.model.workflows import Caller, Job, Trigger, Workflow
from netsonde.observe import logger
from netsonde.scripts.pool import Counters
from netsonde.workflows.catalogue import Catalogue
from netsonde.workflows.definitions import EVENT, interval_of
from netsonde.workflows.stores import Captures, Checks

log = logger("workflows")

_MOST_EVENTS: Final = 1_000


class CallWorkflow(Protocol):
    """`WorkflowService.call`."""

    def __call__(self, reference: str, params: Mapping[str, Json], caller: Caller, trigger: str = "") -> Job: ...


class Triggers:
    """Hears events always, calls while `run` runs."""

    def __init__(
        self, catalogue: Catalogue, call: CallWorkflow, checks: Checks, captures: Captures, counters: Counters
    ) -> None:
        self._catalogue = catalogue
        self._call = call
        self._checks = checks
        self._captures = captures
        self._counters = counters
        self._events: DroppingQueue[tuple[str, Trigger, Json]] = DroppingQueue(_MOST_EVENTS)
        self._started: dict[str, set[str]] = {}
        """Nodes on which each capture is active."""
        self._leads = False
        self._changed = asyncio.Event()

    def subscribe(self) -> Callable[[], None]:
        """Hear events until the returned function is called."""
        for view in self._captures.views():
            self._started[view.uuid] = _active(view)
        ends = [self._checks.subscribe(self._follow_check), self._captures.subscribe(self._follow_capture)]

        def unsubscribe() -> None:
            for end in ends:
                end()

        return unsubscribe

    def changed(self) -> None:
        """A workflow was created, changed or deleted."""
        self._changed.set()

    async def run(self) -> None:
        """Call what is due until cancelled."""
        self._events.drain(_MOST_EVENTS)
        self._leads = True
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._keep_schedules(), "workflows.schedules")
                spawn(group, self._call_all(), "workflows.events")
        finally:
            self._leads = False

    async def _call_all(self) -> None:
        while True:
            uuid, trigger, event = await self._events.get()
            workflow = self._catalogue.workflow(uuid)
            if workflow is not None:
                self._start(workflow, trigger, event)
            # A burst of events starts jobs no faster than others can be served.
            await asyncio.sleep(0)

    def _start(self, workflow: Workflow, trigger: Trigger, event: Json) -> None:
        params = dict(trigger.params)
        if EVENT not in params and any(parameter.name == EVENT for parameter in workflow.parameters):
            params[EVENT] = event
        owner = Caller(workflow.created_by, on_behalf=True)
        try:
            self._call(workflow.uuid, params, owner, trigger=trigger.type)
        except UserError as refused:
            self._counters.count("triggers_refused")
            log.warning("a trigger could not call", workflow=workflow.name, trigger=trigger.type, reason=str(refused))

    async def _keep_schedules(self) -> None:
        loop = asyncio.get_running_loop()
        due: dict[tuple[str, str], float] = {}
        while True:
            self._changed.clear()
            now = loop.time()
            wanted = {(uuid, trigger.every): trigger for uuid, trigger in self._of_kind("schedule")}
            due = {key: due.get(key, now + interval_of(key[1])) for key in wanted}
            for key, at in due.items():
                if at <= now:
                    self._put(key[0], wanted[key], {"Type": "schedule", "Every": key[1]})
                    due[key] = max(at + interval_of(key[1]), now)
            try:
                await asyncio.wait_for(self._changed.wait(), min(due.values(), default=now + 3600) - loop.time())
            except TimeoutError:
                continue

    def _follow_check(self, change: CheckChange) -> None:
        result = change.result
        if not self._leads or result is None or not result.ended_at:
            return
        for uuid, trigger in self._of_kind("check"):
            if trigger.check in ("", result.check, result.check_name) and result.verdict in (
                trigger.verdicts or ("fail",)
            ):
                self._put(uuid, trigger, _of_check(result))

    def _follow_capture(self, change: CaptureChange) -> None:
        before = self._started.pop(change.view.uuid, set())
        if change.kind == "Deleted":
            return
        now = self._started[change.view.uuid] = _active(change.view)
        if not self._leads or not now - before:
            return
        for uuid, trigger in self._of_kind("capture"):
            if trigger.capture in (change.view.uuid, change.view.name):
                for event in _of_capture(change.view, now - before):
                    self._put(uuid, trigger, event)

    def _of_kind(self, kind: str) -> Iterator[tuple[str, Trigger]]:
        for workflow in self._catalogue.workflows():
            for trigger in workflow.triggers:
                if trigger.type == kind:
                    yield workflow.uuid, trigger

    def _put(self, uuid: str, trigger: Trigger, event: Json) -> None:
        if not self._events.put((uuid, trigger, event)):
            self._counters.count("triggers_dropped")


def _active(view: CaptureView) -> set[str]:
    return {node.node_id for node in view.status.nodes if node.state == "active"} if view.status else set()


def _of_check(result: CheckResult) -> Json:
    event: Json = {"Type": "check", "Result": msgspec.to_builtins(result)}
    return event


def _of_capture(view: CaptureView, nodes: set[str]) -> Iterator[Json]:
    assert view.status is not None
    for node in view.status.nodes:
        if node.node_id in nodes:
            yield {
                "Type": "capture",
                "Capture": view.uuid,
                "CaptureName": view.name,
                "Node": msgspec.to_builtins(node),
            }
