# SPDX-License-Identifier: Apache-2.0
"""Resources that users define, as Protocols, and what is declared of the topology."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from netsonde.model.alerts import Alert, AlertChange, AlertView, Rehearsal, Transition
from netsonde.model.captures import Capture, CaptureChange, CapturePreview, CaptureView
from netsonde.model.checks import Check, CheckChange, CheckResult, CheckView, Verdict
from netsonde.model.declared import ImportReport, ImportSummary
from netsonde.model.elements import Edge, Element, Json, Metadata, Node
from netsonde.model.injections import AuditRecord, Injection, InjectionChange, InjectionView
from netsonde.model.rules import EdgeRule, EdgeRuleView, NodeRule, NodeRuleView, RulePreview
from netsonde.model.workflows import Caller, Job, Workflow, WorkflowChange, WorkflowView

R_contra = TypeVar("R_contra", NodeRule, EdgeRule, contravariant=True)
V_co = TypeVar("V_co", NodeRuleView, EdgeRuleView, covariant=True)

Unsubscribe = Callable[[], None]


class Captures(Protocol):
    """The capture coordinator: it validates, stores and reports."""

    def views(self) -> Sequence[CaptureView]: ...

    def view(self, uuid: str) -> CaptureView | None: ...

    async def create(self, capture: Capture) -> CaptureView:
        """Give it a UUID, store it; raises UserError (bad query, filter, field) or Conflict (a duplicate)."""
        ...

    async def replace(self, previous: Capture, capture: Capture) -> CaptureView:
        """Store a changed definition; raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        ...

    async def delete(self, uuid: str) -> None:
        """Raises NotFound."""
        ...

    def preview(self, gremlin: str) -> CapturePreview:
        """Raises UserError as `create` would."""
        ...

    def subscribe(self, listener: Callable[[CaptureChange], None]) -> Unsubscribe: ...


class Checks(Protocol):
    """Checks and what came of them (`checks.CheckService`)."""

    def views(self) -> Sequence[CheckView]: ...

    def view(self, uuid: str) -> CheckView | None: ...

    def results(self, uuid: str, *, node: str = "", verdict: Verdict | None = None) -> Sequence[CheckResult]:
        """Return the results of a check, the newest first."""
        ...

    async def create(self, check: Check) -> CheckView:
        """Raises UserError (bad query, step, field) or Conflict (a name that is taken)."""
        ...

    async def replace(self, previous: Check, check: Check) -> CheckView:
        """Store a changed definition; raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        ...

    async def start(self, uuid: str) -> CheckView:
        """Judge the present interfaces anew. Raises NotFound, Conflict."""
        ...

    async def delete(self, uuid: str) -> None:
        """Raises NotFound."""
        ...

    def subscribe(self, listener: Callable[[CheckChange], None]) -> Unsubscribe: ...


class Alerts(Protocol):
    """Alerts and the states that they went through (`alerts.AlertService`)."""

    def views(self) -> Sequence[AlertView]: ...

    def view(self, uuid: str) -> AlertView | None: ...

    def history(self, uuid: str) -> Sequence[Transition]:
        """Return the transitions of an alert, the newest first."""
        ...

    async def create(self, alert: Alert) -> AlertView:
        """Raises UserError (expression, action, field)."""
        ...

    async def replace(self, previous: Alert, alert: Alert) -> AlertView:
        """Store a changed definition; raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        ...

    async def delete(self, uuid: str) -> None:
        """Raises NotFound."""
        ...

    async def rehearse(self, alert: Alert, start: int, end: int, step: int) -> Rehearsal:
        """Return what an alert would have done from `start` to `end` (Unix ms), looked at each `step` ms, 0 = some.

        Raises UserError.
        """
        ...

    def subscribe(self, listener: Callable[[AlertChange], None]) -> Unsubscribe: ...


class Declared(Protocol):
    """What users state about the topology (`declared.DeclaredElements`)."""

    def node(self, node_id: str) -> Node | None:
        """Return a node as users declared it, None for those of probes."""
        ...

    def edge(self, edge_id: str) -> Edge | None: ...

    def published(self, origin: str) -> Sequence[Element]:
        """Return what was declared under an origin."""
        ...

    async def withdraw(self, origin: str) -> None:
        """Delete what was declared one by one under an origin."""
        ...

    def waiting_edges(self) -> Sequence[Edge]:
        """Return the declared edges that are not in the graph, since an end is missing or owned by another."""
        ...

    def annotation(self, node_id: str) -> Metadata: ...

    def annotations(self) -> Mapping[str, Metadata]: ...

    def base(self, node_id: str) -> Metadata:
        """Return what a node shows without its annotation."""
        ...

    async def create(self, element: Element) -> None:
        """Raises UserError, or Conflict when the id is taken."""
        ...

    async def replace(self, previous: Element, element: Element) -> None:
        """Raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        ...

    async def delete_node(self, node_id: str) -> None:
        """Delete a declared node and the declared edges at it."""
        ...

    async def delete_edge(self, edge_id: str) -> None: ...

    async def annotate(self, node_id: str, metadata: Metadata, previous: Metadata) -> None:
        """Replace an annotation, {} = delete it; raises UserError, or Conflict when it is not `previous` any more."""
        ...

    def imports(self) -> Sequence[ImportSummary]: ...

    async def import_elements(
        self, name: str, elements: Sequence[Element], *, dry_run: bool = False, run: str = ""
    ) -> ImportReport:
        """Add a batch to an import; each element is taken as a whole or refused with a reason."""
        ...

    async def finish_import(self, name: str, run: str) -> int:
        """Delete what no batch of the run had; returns how many elements. Raises Conflict for an unknown run."""
        ...

    async def drop_import(self, name: str) -> int:
        """Take an import back; returns how many elements it had. Raises NotFound."""
        ...


class Rules(Protocol[R_contra, V_co]):
    """Rules of one kind (`declared.rules.NodeRules` and `EdgeRules`)."""

    def views(self) -> Sequence[V_co]: ...

    def view(self, uuid: str) -> V_co | None: ...

    async def create(self, rule: R_contra) -> V_co:
        """Store a rule; it works when this returns. Raises UserError."""
        ...

    async def replace(self, previous: R_contra, rule: R_contra) -> V_co:
        """Store a changed rule; raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        ...

    async def delete(self, uuid: str) -> None:
        """Delete a rule and take back what it did. Raises NotFound."""
        ...

    async def preview(self, rule: R_contra) -> RulePreview:
        """Raises UserError as `create` would."""
        ...


class Injections(Protocol):
    """Packets sent on demand."""

    def views(self) -> Sequence[InjectionView]: ...

    def view(self, uuid: str) -> InjectionView | None: ...

    async def create(self, injection: Injection, who: str) -> InjectionView:
        """Check, resolve and start; raises UserError that names the field."""
        ...

    async def delete(self, uuid: str, who: str) -> None:
        """Stop and delete. Raises NotFound."""
        ...

    async def audit(self, limit: int, before: int = 0) -> Sequence[AuditRecord]:
        """Return who injected what, the latest first; with `before`, what came before the record of that number."""
        ...

    def subscribe(self, listener: Callable[[InjectionChange], None]) -> Unsubscribe:
        """Tell each change, counters at most once a second."""
        ...


class Workflows(Protocol):
    """Scripts that users keep, and their calls (`workflows.WorkflowService`)."""

    def views(self) -> Sequence[WorkflowView]: ...

    def view(self, reference: str) -> WorkflowView | None:
        """Return the workflow with this UUID or name."""
        ...

    async def create(self, workflow: Workflow, who: str) -> WorkflowView:
        """Raises UserError: a bad field, a name that is taken, a source that cannot be read."""
        ...

    async def replace(self, previous: Workflow, workflow: Workflow, who: str) -> WorkflowView:
        """Store a changed definition; raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        ...

    async def delete(self, uuid: str) -> None:
        """Raises NotFound, or UserError for one that came with the program."""
        ...

    def call(self, reference: str, params: Sequence[Json] | Mapping[str, Json], caller: Caller) -> Job:
        """Start a job that acts with the rights of `caller`. Raises NotFound, UserError, Busy."""
        ...

    def jobs(self, workflow: str = "") -> Sequence[Job]:
        """Return the jobs of a workflow (UUID), or all, the newest first."""
        ...

    def job(self, uuid: str) -> Job | None: ...

    def subscribe(self, listener: Callable[[WorkflowChange], None]) -> Unsubscribe:
        """Tell each change of a definition, and where jobs are."""
        ...

    async def finished(self, uuid: str, within: float | None = None) -> Job:
        """Wait for the end of a job, or so many seconds. Raises NotFound."""
        ...

    async def cancel(self, uuid: str) -> Job:
        """Raises NotFound."""
        ...
