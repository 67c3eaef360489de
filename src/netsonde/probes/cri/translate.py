# SPDX-License-Identifier: Apache-2.0
"""From a runtime's answers to the metadata of pods and containers. Pure."""

from typing import Final

import msgspec

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata
from netsonde.probes.containers import Container, kept_labels
from netsonde.probes.cri.messages import CREATED, ContainerAnswer, Listed, Pod, PodAnswer

MS: Final = 1_000_000
"""Nanoseconds."""


class Spec(msgspec.Struct):
    hostname: str = ""


class Info(msgspec.Struct):
    """What containerd and CRI-O both say in their own words."""

    pid: int = 0
    runtime_spec: Spec | None = msgspec.field(name="runtimeSpec", default=None)


def read_info(info: dict[str, str]) -> Info:
    """Return the runtime's own words; WireError when nobody understands them."""
    try:
        return msgspec.json.decode(info.get("info", "{}"), type=Info)
    except (msgspec.DecodeError, RecursionError) as rubbish:
        raise WireError(f"what the runtime says in its own words is not understood: {rubbish}") from rubbish


def sandbox(pod: Pod, answer: PodAnswer, runtime: str) -> Container | None:
    """Return a pod's sandbox, None for one without a process."""
    return _container(
        pod,
        answer,
        identity=pod.id,
        name=pod.metadata.name or pod.id,
        runtime=runtime,
        info=read_info(answer.info),
        labels=pod.labels,
        owns_namespace=True,
        more={"Status": "running", "StartedAt": pod.created_at // MS},
    )


def container(listed: Listed, answer: ContainerAnswer, pod: Pod, of: PodAnswer, runtime: str) -> Container | None:
    """Return a container of a pod, None for one without a process."""
    return _container(
        pod,
        of,
        identity=listed.id,
        name=listed.metadata.name or listed.id,
        runtime=runtime,
        info=read_info(answer.info),
        labels=listed.labels,
        owns_namespace=False,
        more={
            "Status": "created" if listed.state == CREATED else "running",
            "StartedAt": answer.status.started_at // MS,
            "Image": listed.image.user_specified or answer.status.image.image or listed.image.image,
            "ImageID": listed.image_ref,
            "Attempt": listed.metadata.attempt,
        },
    )


def _container(
    pod: Pod,
    answer: PodAnswer,
    *,
    identity: str,
    name: str,
    runtime: str,
    info: Info,
    labels: dict[str, str],
    owns_namespace: bool,
    more: dict[str, Json],
) -> Container | None:
    if info.pid <= 0:
        return None
    kept = kept_labels(labels)
    facts: Metadata = {"ID": identity, "Runtime": runtime, "InitProcessPID": info.pid, "Labels": {**kept}}
    optional: dict[str, Json] = {
        **more,
        "LabelsOmitted": len(labels) - len(kept),
        "Hostname": _hostname(answer),
        "Pod": _pod(pod, answer),
    }
    return Container(
        id=identity,
        name=name,
        manager=runtime,
        pid=info.pid,
        owns_namespace=owns_namespace,
        facts=facts | {key: value for key, value in optional.items() if value},
        pod=pod.metadata.name,
    )


def _hostname(answer: PodAnswer) -> str:
    """Return the pod's host name, which its containers have, too, without saying so."""
    spec = read_info(answer.info).runtime_spec
    return spec.hostname if spec is not None else ""


def _pod(pod: Pod, answer: PodAnswer) -> Metadata:
    network = answer.status.network
    addresses: list[Json] = [one for one in (network.ip, *(other.ip for other in network.additional_ips)) if one]
    found: Metadata = {
        "Name": pod.metadata.name,
        "Namespace": pod.metadata.namespace,
        "UID": pod.metadata.uid,
        "ID": pod.id,
        "IPs": addresses,
    }
    return {key: value for key, value in found.items() if value}
