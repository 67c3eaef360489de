# SPDX-License-Identifier: Apache-2.0
"""Pods and containers that a runtime of Kubernetes runs: containerd, CRI-O, whatever speaks CRI v1.

Source: CRI v1 over gRPC at the runtime's Unix socket: pods and containers are listed, those that changed are asked for;
        events only say when, be they CRI's or containerd's, and without any a runtime is asked at intervals.
Writes: nodes Type=container, a pod's sandbox among them; edges RelationType=ownership, netns -> container; notes on
        the pods' namespaces, which get their names.
Needs:  the `netns` probe for the namespaces; the right to open the socket, and CAP_SYS_PTRACE to see whose namespace
        is whose.
"""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from netsonde.aio import spawn
from netsonde.errors import SourceLost, WireError
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.containers import Container, ContainerPublisher
from netsonde.probes.cri.messages import CREATED, POD_READY, RUNNING, Listed, Pod, PodAnswer
from netsonde.probes.cri.translate import container, sandbox
from netsonde.probes.endings import Endings

if TYPE_CHECKING:
    from netsonde.probes.cri.runtime import Runtime

ASKED_AT_ONCE: Final = 8
"""Pods or containers that are asked for at the same time."""
PAUSE: Final = 0.02
"""Least seconds between two lists: a pod that starts gives several events."""
SETTLING: Final = 0.2
"""Seconds after an event until all is listed once more: events of tasks come before CRI's own state is the new one."""


class CriProbe:
    """Follows one runtime; containers stay while it is away as long as their processes live."""

    needs = ("host",)

    def __init__(self, context: ProbeContext, socket: str, name: str = "cri") -> None:
        self.name = name
        self.daemon = socket
        self._settings = context.settings.cri
        self._publisher = ContainerPublisher(context, name)
        self._endings = Endings(self._ended)
        self._wanted = asyncio.Event()
        self._pods: dict[str, tuple[Pod, PodAnswer]] = {}
        """Ready pods as they were listed, and what was answered of them."""
        self._containers: dict[str, Listed] = {}
        """Containers as they were listed when they were asked for."""
        self._pids: dict[int, str] = {}
        self._unreadable: set[str] = set()
        self._runtime = ""
        self._told_by = ""
        self._health = Health(name)

    @classmethod
    def all(cls, context: ProbeContext) -> Iterable["CriProbe"]:
        """Return a probe for each socket of the settings."""
        for number, socket in enumerate(context.settings.cri.sockets):
            yield cls(context, socket, "cri" if number == 0 else f"cri-{number + 1}")

    async def run(self, health: Health) -> None:
        """Follow the runtime until it goes away or the agent stops."""
        # gRPC costs an agent 3 MB and 0.1 s, which one without a runtime need not pay.
        from netsonde.probes.cri.runtime import Runtime

        self._health = health
        runtime = Runtime(self.daemon, self._settings.answer_timeout)
        try:
            await self._follow(runtime)
        except WireError as rubbish:
            raise SourceLost(f"{self.daemon}: {rubbish}") from rubbish
        finally:
            runtime.close()
            self._publisher.drop_dead()
            health.gauge("objects", len(self._publisher))

    async def _follow(self, runtime: "Runtime") -> None:
        version = await runtime.version()
        self._runtime = version.runtime_name or "cri"
        self._pods, self._containers = {}, {}
        self._told_by = ""
        self._wanted.set()
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._listen(runtime), f"{self.name}-events")
                spawn(group, self._list_for_ever(runtime, version.runtime_version), f"{self.name}-list")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _listen(self, runtime: "Runtime") -> None:
        """Have all listed whenever the runtime says that something happened; ends when it has no events at all."""
        from netsonde.probes.cri.runtime import EVENTS

        for whose, method, request in EVENTS:
            self._told_by = whose
            told = False
            async for _ in runtime.events(method, request):
                told = True
                self._health.count("events")
                self._wanted.set()
            if told:
                raise SourceLost(f"{self.daemon} ended its events")
            await runtime.version()  # it may have ended itself
        self._told_by = ""
        self._wanted.set()

    async def _list_for_ever(self, runtime: "Runtime", version: str) -> None:
        loop = asyncio.get_running_loop()
        settled = True
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.01, self._interval() if settled else SETTLING)):
                    await self._wanted.wait()
            settled = not self._wanted.is_set()
            self._wanted.clear()
            began = loop.time()
            await self._list(runtime)
            self._tell(version)
            await asyncio.sleep(max(PAUSE, loop.time() - began))  # at most half of the time is spent on lists

    def _interval(self) -> float:
        return self._settings.list_interval if self._told_by else self._settings.poll_interval

    async def _list(self, runtime: "Runtime") -> None:
        """Become equal to the runtime's lists, pods first: containers are shown with their pod."""
        pods = {pod.id: pod for pod in await runtime.pods() if pod.state == POD_READY}
        listed = {one.id: one for one in await runtime.containers() if one.state in (CREATED, RUNNING)}
        self._unreadable &= pods.keys() | listed.keys()
        self._health.count("lists")
        self._publish((), self._publisher.ids - pods.keys() - listed.keys())
        self._pods = {pod_id: known for pod_id, known in self._pods.items() if pods.get(pod_id) == known[0]}
        self._containers = {one: known for one, known in self._containers.items() if listed.get(one) == known}
        await self._ask_each(
            [(pod.id, self._ask_pod(runtime, pod)) for pod in pods.values() if pod.id not in self._pods]
        )
        fresh = [one for one in listed.values() if one.id not in self._containers and one.pod_id in self._pods]
        await self._ask_each([(one.id, self._ask_container(runtime, one)) for one in fresh])

    async def _ask_each(self, questions: list[tuple[str, Coroutine[None, None, Container | None]]]) -> None:
        """Ask for some at a time, and show each some in one batch."""
        for first in range(0, len(questions), ASKED_AT_ONCE):
            some = questions[first : first + ASKED_AT_ONCE]
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(asking, name=f"{self.name}-ask") for _, asking in some]
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from failed
            shown = [found for task in tasks if (found := task.result()) is not None]
            self._publish(shown, {asked for asked, _ in some} - {one.id for one in shown})

    async def _ask_pod(self, runtime: "Runtime", pod: Pod) -> Container | None:
        found: Container | None = None
        with self._reading(pod.id):
            answer = await runtime.pod(pod.id)
            if answer is not None:
                found = sandbox(pod, answer, self._runtime)
                self._pods[pod.id] = (pod, answer)
        return found

    async def _ask_container(self, runtime: "Runtime", listed: Listed) -> Container | None:
        pod, of = self._pods[listed.pod_id]
        found: Container | None = None
        with self._reading(listed.id):
            answer = await runtime.container(listed.id)
            if answer is not None and (found := container(listed, answer, pod, of, self._runtime)) is not None:
                self._containers[listed.id] = listed
        return found

    @contextmanager
    def _reading(self, identity: str) -> Iterator[None]:
        """Let what nobody understands of one of them hide that one only."""
        self._unreadable.discard(identity)
        try:
            yield
        except WireError:
            self._unreadable.add(identity)
            self._health.count("unreadable")

    def _publish(self, shown: list[Container] | tuple[()], gone: Collection[str]) -> None:
        lasting = [one for one in shown if self._endings.watch(one.pid)]
        self._pids.update({one.pid: one.id for one in lasting})
        self._publisher.update(lasting, [*gone, *(one.id for one in shown if one not in lasting)])
        ids = self._publisher.ids
        for pid in [pid for pid, of in self._pids.items() if of not in ids]:
            del self._pids[pid]
            self._endings.forget(pid)
        self._health.gauge("objects", len(self._publisher))

    def _ended(self, pid: int) -> None:
        """Take a container away before its runtime says so, and ask again whether it has another process."""
        identity = self._pids.pop(pid, "")
        self._pods.pop(identity, None)
        self._containers.pop(identity, None)
        self._publish((), [identity])
        self._wanted.set()

    def _tell(self, version: str) -> None:
        how = f"told of changes by {self._told_by}'s events" if self._told_by else "asked at intervals"
        reason = f"{self._runtime} {version} at {self.daemon}, {how}"
        lost = len(self._unreadable)
        self._health.running(f"{reason}; {lost} containers could not be read" if lost else reason)
