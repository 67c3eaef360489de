# SPDX-License-Identifier: Apache-2.0
"""What an engine says, decoded: only the fields that are used. Pure.

Source: Docker Engine API 1.24 to 1.52, `GET /containers/json`, `GET /containers/ID/json`, `GET /events`; Podman's
compatible API says the same, with null where Docker has {}.
"""

import re
from typing import Final, TypeVar

import msgspec

from netsonde.errors import WireError

T = TypeVar("T")

OLDEST: Final = (1, 24)
NEWEST: Final = (1, 52)
"""Versions whose answers are understood; newer engines still speak the newest of these."""

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,127}")

CONTAINER_ACTIONS: Final = frozenset(
    {"start", "die", "pause", "unpause", "rename", "destroy", "restart", "update", "stop", "remove", "died", "cleanup"}
)
"""After which a container is not as before; executions and attachments, which health checks do by the second, are not
among them. The last three are Podman's."""


class Health(msgspec.Struct, rename="pascal"):
    status: str = ""


class State(msgspec.Struct, rename="pascal"):
    status: str = ""
    pid: int = 0
    started_at: str = ""
    health: Health | None = None


class Config(msgspec.Struct, rename="pascal"):
    image: str = ""
    labels: dict[str, str] | None = None
    hostname: str = ""


class HostConfig(msgspec.Struct, rename="pascal"):
    network_mode: str = ""


class Binding(msgspec.Struct, rename="pascal"):
    host_ip: str = ""
    host_port: str = ""


class Endpoint(msgspec.Struct, rename="pascal"):
    """How a container is attached to one network."""

    network_id: str = msgspec.field(default="", name="NetworkID")
    mac: str = msgspec.field(default="", name="MacAddress")
    gateway: str = ""
    ipv4: str = msgspec.field(default="", name="IPAddress")
    ipv4_prefix: int = msgspec.field(default=0, name="IPPrefixLen")
    ipv6: str = msgspec.field(default="", name="GlobalIPv6Address")
    ipv6_prefix: int = msgspec.field(default=0, name="GlobalIPv6PrefixLen")
    aliases: list[str] | None = None


class NetworkSettings(msgspec.Struct, rename="pascal"):
    ports: dict[str, list[Binding] | None] | None = None
    networks: dict[str, Endpoint] | None = None


class Inspection(msgspec.Struct, rename="pascal"):
    """One container."""

    id: str
    state: State
    name: str = ""
    image: str = ""
    config: Config = msgspec.field(default_factory=Config)
    host_config: HostConfig = msgspec.field(default_factory=HostConfig)
    network_settings: NetworkSettings = msgspec.field(default_factory=NetworkSettings)


class Listed(msgspec.Struct, rename="pascal"):
    """One container of a list."""

    id: str


class Component(msgspec.Struct, rename="pascal"):
    name: str = ""


class Version(msgspec.Struct, rename="pascal"):
    """The engine itself."""

    version: str
    api_version: str = ""
    components: list[Component] | None = None

    @property
    def engine(self) -> str:
        """`docker`, or `podman` for Podman behind Docker's API."""
        podman = any("podman" in component.name.lower() for component in self.components or ())
        return "podman" if podman else "docker"


class Actor(msgspec.Struct, rename="pascal"):
    id: str = msgspec.field(default="", name="ID")
    attributes: dict[str, str] | None = None


class Event(msgspec.Struct, rename="pascal"):
    type: str = ""
    action: str = ""
    actor: Actor = msgspec.field(default_factory=Actor)


def decode(data: bytes, kind: type[T]) -> T:
    """Return an answer as what it should be; WireError when it is not."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as rubbish:
        raise WireError(f"expected {kind.__name__}, got {data[:60]!r}: {rubbish}") from rubbish


def touched_container(event: Event) -> str:
    """Return the id of the container that an event changed, "" for none."""
    found = ""
    if event.type == "container" and event.action.partition(":")[0] in {*CONTAINER_ACTIONS, "health_status"}:
        found = event.actor.id
    elif event.type == "network" and event.action in ("connect", "disconnect"):
        found = (event.actor.attributes or {}).get("container", "")
    return found if is_id(found) else ""


def is_id(text: str) -> bool:
    """Tell whether a text can be a container's id: it becomes part of a path."""
    return _ID.fullmatch(text) is not None


def common_version(theirs: str) -> str:
    """Return the version of the API to ask for; WireError when the engine speaks none that we know."""
    found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})", theirs)
    if found is None:
        raise WireError(f"the engine gives no version of its API: {theirs!r:.40}")
    version = min((int(found[1]), int(found[2])), NEWEST)
    if version < OLDEST:
        raise WireError(f"the engine speaks version {theirs} of its API, {OLDEST[0]}.{OLDEST[1]} is needed")
    return f"{version[0]}.{version[1]}"
