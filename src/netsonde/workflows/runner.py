# SPDX-License-Identifier: Apache-2.0
"""Runs one job: its script, the requests that it makes for its caller, and what is told of it meanwhile."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from netsonde.errors import SourceLost, UserError
from netsonde.model.elements import Json
from netsonde.model.workflows import Caller, Job, JobState, Workflow
from netsonde.scripts.host import Answer, Host
from netsonde.scripts.limits import ScriptLimits, ScriptStopped
from netsonde.workflows.settings import WorkflowSettings
from netsonde.workflows.stores import Api

MOST_RESULT: Final = 1024 * 1024
"""Bytes of a result: a job has to fit into one message of the bus."""
_LOG_LINES: Final = 1_000
_LOG_BYTES: Final = 256 * 1024


class Engine(Protocol):
    """Runs scripts of one language; `scripts.Scripts` runs JavaScript."""

    async def call(
        self, source: str, arguments: list[Json], host: Host, limits: ScriptLimits, *, owner: str = ""
    ) -> msgspec.Raw:
        """Return the result as JSON; raises UserError, or SourceLost when scripts cannot run now."""
        ...


class JavaScript(Engine, Protocol):
    """The engine of most workflows, which can also read without running."""

    async def check(self, source: str) -> None:
        """Raises UserError with the place of a mistake."""
        ...

    async def tend(self) -> None:
        """Look after processes until cancelled."""
        ...


def limits_of(workflow: Workflow, settings: WorkflowSettings) -> ScriptLimits:
    return ScriptLimits(
        seconds=workflow.timeout or settings.seconds,
        memory_mib=settings.memory_mib,
        log_lines=_LOG_LINES,
        log_bytes=_LOG_BYTES,
        result_bytes=4 * MOST_RESULT,
    )


class Run:
    """One job that runs here; `tell` gets it at each change."""

    def __init__(
        self, job: Job, caller: Caller, api: Api, now_ms: Callable[[], int], tell: Callable[[Job], None]
    ) -> None:
        self.job = job
        self._caller = caller
        self._api = api
        self._now_ms = now_ms
        self._tell = tell
        self._log: list[str] = []

    async def execute(self, workflow: Workflow, engine: Engine, limits: ScriptLimits) -> None:
        """Run the script to its end, whatever that is; only cancellation passes through."""
        self.change(state="running", started_at=self._now_ms())
        try:
            raw = await engine.call(workflow.source, self.job.params, self, limits, owner=self._caller.name)
            if len(bytes(raw)) > MOST_RESULT:
                raise ScriptStopped("result", f"its result has {len(bytes(raw))} bytes, more than {MOST_RESULT}")
        except ScriptStopped as stopped:
            self._end("stopped", stopped.message, stopped.hint)
        except UserError as failed:
            self._end(
                "failed", failed.explain().removeprefix("error: ").removesuffix(f"\nhint: {failed.hint}"), failed.hint
            )
        except SourceLost as lost:
            self._end("failed", str(lost))
        else:
            self.change(state="done", result=msgspec.json.decode(raw), progress=1.0, ended_at=self._now_ms())

    def cancelled(self) -> None:
        self._end("cancelled", "it was cancelled")

    def crashed(self, crash: Exception) -> None:
        self._end("failed", f"internal error ({type(crash).__name__}): the analyzer's log has it under {self.job.uuid}")

    def change(self, **fields: Any) -> None:
        self.job = msgspec.structs.replace(self.job, **fields, log=[*self._log])
        self._tell(self.job)

    async def request(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> Answer:
        return await self._api.send(self._caller, method, path, body, headers)

    def log(self, line: str) -> None:
        self._log.append(line)
        self.change()

    def progress(self, fraction: float, text: str) -> None:
        self.change(progress=fraction, progress_text=text)

    def _end(self, state: JobState, reason: str, hint: str = "") -> None:
        self.change(state=state, reason=reason, hint=hint, ended_at=self._now_ms())
