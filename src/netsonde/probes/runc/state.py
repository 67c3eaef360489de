# SPDX-License-Identifier: Apache-2.0
"""What runc's state file says of a container. Pure.

Source: libcontainer's State as runc 1.0 and later write it; `config.labels` holds the annotations of the OCI bundle as
`key=value`, among them those by which containerd's CRI, CRI-O and nerdctl name things.
"""

from typing import Final

import msgspec

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata
from netsonde.probes.containers import Container, kept_labels, unix_ms

CONTAINER_NAMES: Final = ("io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name")
POD_NAMES: Final = ("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name")
POD_NAMESPACES: Final = ("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace")
POD_UIDS: Final = ("io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid")
IMAGES: Final = ("io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName")
SANDBOX_TYPES: Final = ("io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType")
BUNDLE: Final = "bundle"


class NamespaceOf(msgspec.Struct):
    type: str = ""
    path: str = ""


class Config(msgspec.Struct):
    labels: list[str] | None = None
    hostname: str = ""
    namespaces: list[NamespaceOf] | None = None


class State(msgspec.Struct):
    """One container."""

    id: str
    init_process_pid: int
    init_process_start: int = 0
    """Start of that process in clock ticks since boot, as in /proc/PID/stat."""
    created: str = ""
    config: Config = msgspec.field(default_factory=Config)


def read_state(data: bytes) -> State:
    """Return a decoded state file; WireError when it is none."""
    try:
        return msgspec.json.decode(data, type=State)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as rubbish:
        raise WireError(f"no state of runc: {rubbish}") from rubbish


def container(state: State, *, started: bool, runtime: str = "runc") -> Container:
    """Return the container; one that is not started yet has a process, too."""
    told = dict(text.partition("=")[::2] for text in state.config.labels or ())
    bundle = told.pop(BUNDLE, "")
    labels = kept_labels(told)
    pod = _first(labels, POD_NAMES)
    sandbox = _first(labels, SANDBOX_TYPES) == "sandbox"
    facts: Metadata = {
        "ID": state.id,
        "Runtime": runtime,
        "Status": "running" if started else "created",
        "InitProcessPID": state.init_process_pid,
        "Labels": {**labels},
    }
    optional: dict[str, Json] = {
        "LabelsOmitted": len(told) - len(labels),
        "Image": _first(labels, IMAGES),
        "StartedAt": unix_ms(state.created),
        "Hostname": state.config.hostname,
        "Bundle": bundle,
        "Pod": _pod(labels),
    }
    return Container(
        id=state.id,
        name=(pod if sandbox else _first(labels, CONTAINER_NAMES)) or state.id,
        manager=runtime,
        pid=state.init_process_pid,
        owns_namespace=sandbox or not any(one.path for one in state.config.namespaces or () if one.type == "NEWNET"),
        facts=facts | {key: value for key, value in optional.items() if value},
        pod=pod,
    )


def _pod(labels: dict[str, str]) -> Metadata:
    found: Metadata = {
        "Name": _first(labels, POD_NAMES),
        "Namespace": _first(labels, POD_NAMESPACES),
        "UID": _first(labels, POD_UIDS),
    }
    return {key: value for key, value in found.items() if value}


def _first(labels: dict[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
