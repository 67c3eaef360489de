# SPDX-License-Identifier: Apache-2.0
"""The messages of CRI v1 of which we read something, the fields that we read, and how they are decoded. Pure.

Source: k8s.io/cri-api/pkg/apis/runtime/v1/api.proto; the numbers are those of its fields.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

from netsonde.errors import WireError
from netsonde.model.protobuf import fields, text

T = TypeVar("T")

POD_READY: Final = 0
CREATED: Final = 0
RUNNING: Final = 1


@dataclass(frozen=True, slots=True)
class VersionResponse:
    runtime_name: Annotated[str, 2] = ""
    runtime_version: Annotated[str, 3] = ""


@dataclass(frozen=True, slots=True)
class PodMetadata:
    name: Annotated[str, 1] = ""
    uid: Annotated[str, 2] = ""
    namespace: Annotated[str, 3] = ""
    attempt: Annotated[int, 4] = 0


@dataclass(frozen=True, slots=True)
class Pod:
    """PodSandbox: one that is listed."""

    id: Annotated[str, 1] = ""
    metadata: Annotated[PodMetadata, 2] = field(default_factory=PodMetadata)
    state: Annotated[int, 3] = POD_READY
    created_at: Annotated[int, 4] = 0
    """Unix ns."""
    labels: Annotated[dict[str, str], 5] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PodList:
    items: Annotated[list[Pod], 1] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PodIp:
    ip: Annotated[str, 1] = ""


@dataclass(frozen=True, slots=True)
class PodNetwork:
    ip: Annotated[str, 1] = ""
    additional_ips: Annotated[list[PodIp], 2] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PodStatus:
    id: Annotated[str, 1] = ""
    network: Annotated[PodNetwork, 5] = field(default_factory=PodNetwork)


@dataclass(frozen=True, slots=True)
class PodAnswer:
    status: Annotated[PodStatus, 1] = field(default_factory=PodStatus)
    info: Annotated[dict[str, str], 2] = field(default_factory=dict)
    """The runtime's own words, JSON under `info`."""


@dataclass(frozen=True, slots=True)
class ContainerMetadata:
    name: Annotated[str, 1] = ""
    attempt: Annotated[int, 2] = 0


@dataclass(frozen=True, slots=True)
class Image:
    image: Annotated[str, 1] = ""
    user_specified: Annotated[str, 18] = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """Container: one that is listed."""

    id: Annotated[str, 1] = ""
    pod_id: Annotated[str, 2] = ""
    metadata: Annotated[ContainerMetadata, 3] = field(default_factory=ContainerMetadata)
    image: Annotated[Image, 4] = field(default_factory=Image)
    image_ref: Annotated[str, 5] = ""
    state: Annotated[int, 6] = CREATED
    created_at: Annotated[int, 7] = 0
    """Unix ns."""
    labels: Annotated[dict[str, str], 8] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerList:
    containers: Annotated[list[Listed], 1] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    id: Annotated[str, 1] = ""
    started_at: Annotated[int, 5] = 0
    """Unix ns; 0 before it is started."""
    image: Annotated[Image, 8] = field(default_factory=Image)


@dataclass(frozen=True, slots=True)
class ContainerAnswer:
    status: Annotated[ContainerStatus, 1] = field(default_factory=ContainerStatus)
    info: Annotated[dict[str, str], 2] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Entry:
    key: Annotated[str, 1] = ""
    value: Annotated[str, 2] = ""


def decode(data: bytes, kind: type[T]) -> T:
    """Return a message as what it should be, without the fields that we do not read; WireError when it is not."""
    values: dict[str, Any] = {}
    layout = _layout(cast("Hashable", kind))
    for number, value in fields(data):
        if number in layout:
            name, put = layout[number]
            put(values, name, value)
    return kind(**values)


_Put = Callable[[dict[str, Any], str, int | bytes], None]


@cache
def _layout(kind: Hashable) -> dict[int, tuple[str, _Put]]:
    """Return name and reader of each field by its number."""
    found = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        of, number = get_args(hint)
        found[number] = (name, _putter(of))
    return found


def _putter(of: Any) -> _Put:
    if get_origin(of) is list:
        (member,) = get_args(of)
        read = _reader(member)
        return lambda values, name, value: values.setdefault(name, []).append(read(value))
    if get_origin(of) is dict:
        return _put_entry
    read = _reader(of)
    return lambda values, name, value: values.__setitem__(name, read(value))


def _put_entry(values: dict[str, Any], name: str, value: int | bytes) -> None:
    entry = decode(_octets(value), _Entry)
    values.setdefault(name, {})[entry.key] = entry.value


def _reader(of: Any) -> Callable[[int | bytes], Any]:
    if of is str:
        return lambda value: text(_octets(value))
    if of is int:
        return _number
    return lambda value: decode(_octets(value), of)


def _octets(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    raise WireError(f"expected a text or a message, got the number {value}")


def _number(value: int | bytes) -> int:
    if isinstance(value, int):
        return value if value < 1 << 63 else value - (1 << 64)
    raise WireError(f"expected a number, got {value[:20]!r}")
