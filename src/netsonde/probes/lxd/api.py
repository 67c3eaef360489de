# SPDX-License-Identifier: Apache-2.0
"""What LXD or Incus says of itself and of its instances, decoded and as metadata. Pure.

Source: REST API 1.0 of LXD and Incus: `GET /1.0`, `GET /1.0/instances?recursion=1`; the same in both.
"""

from typing import Final, Generic, TypeVar

import msgspec

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata
from netsonde.probes.containers import LABEL_BYTES, kept_labels

T = TypeVar("T")

SHOWN_CONFIG: Final = (
    *("boot.", "cluster.", "image.", "limits.", "linux.", "migration.", "nvidia.", "security.", "snapshots."),
)
"""Settings that are shown. Others may hold secrets (`environment.`, `user.`, `cloud-init.`, `raw.`), or change with
each start (`volatile.`)."""
UUID: Final = "volatile.uuid"
NOT_CLUSTERED: Final = ("", "none")
STOPPED: Final = "Stopped"
DEFAULT_PROJECT: Final = "default"


class Environment(msgspec.Struct):
    server: str = ""
    server_version: str = ""
    server_name: str = ""


class Server(msgspec.Struct):
    """The daemon itself."""

    environment: Environment = msgspec.field(default_factory=Environment)


class Instance(msgspec.Struct):
    """One container or virtual machine, running or not."""

    name: str
    type: str = "container"
    status: str = ""
    project: str = DEFAULT_PROJECT
    location: str = ""
    architecture: str = ""
    description: str = ""
    created_at: str = ""
    ephemeral: bool = False
    stateful: bool = False
    profiles: list[str] | None = None
    expanded_config: dict[str, str] | None = None
    expanded_devices: dict[str, dict[str, str]] | None = None

    @property
    def uuid(self) -> str:
        """What QEMU was started with, "" for none."""
        return (self.expanded_config or {}).get(UUID, "").lower()

    @property
    def directory(self) -> str:
        """Name of its directory, and of its container for LXC."""
        return self.name if self.project in ("", DEFAULT_PROJECT) else f"{self.project}_{self.name}"


class Envelope(msgspec.Struct, Generic[T]):
    """Every answer; `metadata` is what was asked for."""

    metadata: T


def decode(data: bytes, kind: type[T]) -> T:
    """Return what an answer tells; WireError when it is not what it should be."""
    try:
        return msgspec.json.decode(data, type=Envelope[kind]).metadata  # type: ignore[valid-type]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as rubbish:
        raise WireError(f"no answer of LXD: {data[:60]!r}: {rubbish}") from rubbish


def decode_instances(data: bytes) -> list[Instance]:
    """Return all instances as `decode` does, but one by one, so that other threads have their turn in between.

    Decoded at once, thousands would hold the interpreter for a tenth of a second.
    """
    one = msgspec.json.Decoder(Instance)
    try:
        return [one.decode(each) for each in decode(data, list[msgspec.Raw])]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as rubbish:
        raise WireError(f"no instance of LXD: {rubbish}") from rubbish


def instance_metadata(one: Instance) -> Metadata:
    """Return what is shown of an instance."""
    config = {key: value for key, value in (one.expanded_config or {}).items() if key.startswith(SHOWN_CONFIG)}
    kept = kept_labels(config)
    devices, omitted = _devices(one)
    names = dict.fromkeys(one.profiles or (), "")
    profiles: list[Json] = [*kept_labels(names)]
    shown: Metadata = {
        "Name": one.name[:LABEL_BYTES],
        "Project": one.project[:LABEL_BYTES],
        "Type": one.type,
        "Status": one.status,
        "Architecture": one.architecture,
        "Description": one.description[:LABEL_BYTES],
        "CreatedAt": one.created_at,
        "Ephemeral": str(one.ephemeral).lower(),
        "Stateful": str(one.stateful).lower(),
        "Location": "" if one.location in NOT_CLUSTERED else one.location,
        "Profiles": profiles,
        "ProfilesOmitted": len(names) - len(profiles),
        "Config": {**kept},
        "ConfigOmitted": len(config) - len(kept),
        "Devices": devices,
        "DevicesOmitted": omitted,
    }
    return {"LXD": {key: value for key, value in shown.items() if value}}


def _devices(one: Instance) -> tuple[Metadata, int]:
    """Return the devices that find room, and how many do not; what users note on them may be secret."""
    found: Metadata = {}
    room = LABEL_BYTES
    devices = one.expanded_devices or {}
    for name, settings in devices.items():
        kept = {key: value for key, value in settings.items() if not key.startswith("user.")}
        room -= len(name.encode()) + sum(len(key.encode()) + len(value.encode()) for key, value in kept.items())
        if room < 0:
            break
        found[name] = {**kept}
    return found, len(devices) - len(found)
