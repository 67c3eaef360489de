# SPDX-License-Identifier: Apache-2.0
"""Ids of elements: deterministic, so that a restart of an agent finds its nodes again.

Source: the reference hashes names into the OID namespace of RFC 4122 (UUID version 5). Ids of nodes that its
restarts used to change get the machine id as their first part here, so that they differ between hosts.
"""

import uuid

from netsonde.model.elements import Json, Metadata


def name_id(text: str) -> str:
    """Return the UUIDv5 of a text in the OID namespace."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, text))


def join_id(*parts: str) -> str:
    """Return the UUIDv5 of the parts joined by `/`: ids of rule nodes, LLDP ports, Kubernetes containers."""
    if not parts:
        raise ValueError("an id needs at least one part")
    return name_id("/".join(parts))


def stable_id(machine_id: str, kind: str, *identity: str) -> str:
    """Return the id of an object of one host.

    `kind` names the sort of object, `identity` what tells it from its like on this host: a namespace's inode and an
    interface's ifindex, an OVSDB row's UUID, a container's id.
    """
    if not machine_id:
        raise ValueError("a stable id needs the machine id, or two hosts would share nodes")
    return join_id(machine_id, kind, *identity)


def edge_id(parent: str, child: str, relation_type: str = "") -> str:
    """Return the id of the edge that says `relation_type` between two nodes; "" = the reference's untyped edge."""
    return name_id(f"{parent}{child}{relation_type}")


def linker_edge_id(parent: str, child: str, metadata: Metadata) -> str:
    """Return the id of an edge identified by all of its metadata; keys are sorted, so it is one id always."""
    parts = [part for key in sorted(metadata) for part in (key, _text(metadata[key]))]
    return join_id(parent, child, *parts)


def _text(value: Json) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
