# SPDX-License-Identifier: Apache-2.0
"""One container runtime: CRI's calls over gRPC, and its stream of events, whichever of two it has.

Source: k8s.io/cri-api/pkg/apis/runtime/v1/api.proto; containerd's api/services/events/v1/events.proto for the events of
containerd before 1.7, which has none of CRI.
"""

from collections.abc import AsyncIterator
from typing import Any, Final, TypeVar

from grpclib.client import Channel
from grpclib.const import Cardinality, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError, StreamTerminatedError

from netsonde.errors import SourceLost, WireError
from netsonde.model.protobuf import bytes_field, varint_field
from netsonde.probes.cri.messages import (
    ContainerAnswer,
    ContainerList,
    Listed,
    Pod,
    PodAnswer,
    PodList,
    VersionResponse,
    decode,
)
from netsonde.probes.reaching import unreachable

T = TypeVar("T")

SERVICE: Final = "/runtime.v1.RuntimeService/"
_TOPICS: Final = ("create", "start", "delete")
_FILTERS: Final = b"".join(bytes_field(1, f'namespace==k8s.io,topic=="/tasks/{topic}"'.encode()) for topic in _TOPICS)
EVENTS: Final = (
    ("CRI", f"{SERVICE}GetContainerEvents", b""),
    ("containerd", "/containerd.services.events.v1.Events/Subscribe", _FILTERS),
)
"""Streams to try in turn: whose it is, method, request."""
_LOST: Final = (OSError, StreamTerminatedError, TimeoutError)


class Octets(CodecBase):
    """Leaves messages as they are: they are decoded where it is known what they should be."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: Any) -> bytes:
        return message

    def decode(self, data: bytes, message_type: Any) -> bytes:
        return data


class Runtime:
    """Asks one runtime; SourceLost when it is away, too slow, or has no CRI. To be closed."""

    def __init__(self, socket: str, timeout: float) -> None:
        """`timeout`: seconds for one answer; a stream has none."""
        self._socket = socket
        self._timeout = timeout
        self._channel = Channel(path=socket, codec=Octets())

    def close(self) -> None:
        self._channel.close()

    async def version(self) -> VersionResponse:
        return await self._ask("Version", VersionResponse)

    async def pods(self) -> list[Pod]:
        return (await self._ask("ListPodSandbox", PodList)).items

    async def containers(self) -> list[Listed]:
        return (await self._ask("ListContainers", ContainerList)).containers

    async def pod(self, pod_id: str) -> PodAnswer | None:
        """Return what there is to know of a pod, None when it is gone."""
        return await self._find("PodSandboxStatus", pod_id, PodAnswer)

    async def container(self, container_id: str) -> ContainerAnswer | None:
        """Return what there is to know of a container, None when it is gone."""
        return await self._find("ContainerStatus", container_id, ContainerAnswer)

    async def events(self, method: str, request: bytes) -> AsyncIterator[None]:
        """Yield whenever something happens; what happened is not read. Ends when the runtime ends it, as one does at
        once that has no such events, or was told not to give them."""
        try:
            async with self._channel.request(method, Cardinality.UNARY_STREAM, bytes, bytes) as stream:
                await stream.send_message(request, end=True)
                async for _ in stream:
                    yield
        except GRPCError as refused:
            if refused.status is Status.UNAVAILABLE:
                raise SourceLost(f"{self._socket} ended its events: {refused.message}") from refused
        except _LOST as lost:
            raise SourceLost(f"connection to {self._socket} lost: {lost}") from lost

    async def _find(self, method: str, item: str, kind: type[T]) -> T | None:
        """Ask for one thing, with what the runtime says of it in its own words."""
        try:
            return decode(await self._call(method, bytes_field(1, item.encode()) + varint_field(2, 1)), kind)
        except GRPCError as refused:
            if refused.status is Status.NOT_FOUND:
                return None
            raise WireError(f"{method} was answered with {refused.status.name}: {refused.message}") from refused

    async def _ask(self, method: str, kind: type[T]) -> T:
        try:
            return decode(await self._call(method, b""), kind)
        except GRPCError as refused:
            if refused.status is Status.UNIMPLEMENTED:
                raise SourceLost(f"{self._socket} does not speak CRI v1: its plug-in may be disabled") from refused
            reason = f"{refused.status.name}: {refused.message}"
            raise SourceLost(f"{self._socket}: {method} was answered with {reason}") from refused

    async def _call(self, method: str, request: bytes) -> bytes:
        try:
            async with self._channel.request(
                SERVICE + method, Cardinality.UNARY_UNARY, bytes, bytes, timeout=self._timeout
            ) as stream:
                await stream.send_message(request, end=True)
                answer = await stream.recv_message()
        except (TimeoutError, GRPCError) as slow:
            # It knows how long we wait, and may be the first to say so.
            if isinstance(slow, GRPCError) and slow.status is not Status.DEADLINE_EXCEEDED:
                raise
            raise SourceLost(f"{self._socket} did not answer {method} within {self._timeout:g} s") from slow
        except _LOST as lost:
            raise unreachable("container runtime", self._socket, lost) from lost
        if answer is None:
            raise WireError(f"{method} was not answered")
        return answer
