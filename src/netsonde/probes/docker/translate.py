# SPDX-License-Identifier: Apache-2.0
"""From an engine's answer to a container's metadata. Pure."""

from netsonde.model.elements import Json, Metadata
from netsonde.probes.containers import Container, kept_labels, unix_ms
from netsonde.probes.docker.api import Endpoint, Inspection

JOINED = "container:"
COMPOSE = "com.docker.compose."
LONGEST_PORT = 5
"""Digits: Python refuses to read thousands of them, and the bus takes no number of more than 64 bits."""
COMPOSE_KEYS = {"Project": "project", "Service": "service", "Number": "container-number"}


def container(seen: Inspection, engine: str) -> Container | None:
    """Return a container that has processes, None for one that has not: it is on no network."""
    if seen.state.pid <= 0:
        return None
    told = seen.config.labels or {}
    labels = kept_labels(told)
    found: Metadata = {
        "ID": seen.id,
        "Image": seen.config.image,
        "ImageID": seen.image,
        "Runtime": engine,
        "Status": seen.state.status,
        "InitProcessPID": seen.state.pid,
        "Labels": {**labels},
        "NetworkMode": seen.host_config.network_mode,
        "Hostname": seen.config.hostname,
    }
    optional: dict[str, Json] = {
        "LabelsOmitted": len(told) - len(labels),
        "Health": seen.state.health.status if seen.state.health is not None else "",
        "StartedAt": unix_ms(seen.state.started_at),
        "Ports": ports(seen),
        "Networks": [network(name, end) for name, end in sorted((seen.network_settings.networks or {}).items())],
        "Compose": compose(labels),
    }
    return Container(
        id=seen.id,
        name=seen.name.removeprefix("/") or seen.id[:12],
        manager=engine,
        pid=seen.state.pid,
        owns_namespace=not seen.host_config.network_mode.startswith(JOINED),
        facts=found | {key: value for key, value in optional.items() if value},
    )


def ports(seen: Inspection) -> list[Json]:
    """Return the ports that the container offers; those that are published have `HostIP` and `HostPort` too."""
    found: list[Json] = []
    for name, bindings in sorted((seen.network_settings.ports or {}).items()):
        number, _, protocol = name.partition("/")
        if not _is_port(number):
            continue
        offered: Metadata = {"Port": int(number), "Protocol": protocol or "tcp"}
        published: list[Json] = [
            {**offered, "HostIP": binding.host_ip, "HostPort": int(binding.host_port)}
            for binding in bindings or ()
            if _is_port(binding.host_port)
        ]
        found += published or [offered]
    return found


def _is_port(text: str) -> bool:
    return text.isdecimal() and len(text) <= LONGEST_PORT


def network(name: str, end: Endpoint) -> Metadata:
    """Return how the container is attached to one network."""
    known: Metadata = {
        "ID": end.network_id,
        "MAC": end.mac.lower(),
        "IPV4": f"{end.ipv4}/{end.ipv4_prefix}" if end.ipv4 else "",
        "IPV6": f"{end.ipv6}/{end.ipv6_prefix}" if end.ipv6 else "",
        "Gateway": end.gateway,
        "Aliases": list(end.aliases or ()),
    }
    found: Metadata = {"Name": name}
    return found | {key: value for key, value in known.items() if value}


def compose(labels: dict[str, str]) -> Metadata:
    """Return project, service and number that Compose gave the container; {} without Compose."""
    return {key: labels[COMPOSE + label] for key, label in COMPOSE_KEYS.items() if labels.get(COMPOSE + label)}
