# SPDX-License-Identifier: Apache-2.0
"""Keys that the graph itself gives: the pseudo-fields of every element, and `TID`."""

from netsonde.model.keys import Key, On, written_by


def _fields(on: On) -> tuple[Key, ...]:
    return (
        Key(
            "@ID", "string", "id, the same after a restart of the agent", "1b6cd5b8-3ccd-4a53-8c7e-5f0f0a0c2a11", on=on
        ),
        Key("@Host", "string", "host id of the producer; empty for what several hosts share", "compute-1", on=on),
        Key("@Origin", "string", "who publishes it: service and host id", "agent.compute-1", on=on),
        Key("@CreatedAt", "integer", "when it appeared", 1_700_000_000_000, unit="Unix ms", on=on),
        Key("@UpdatedAt", "integer", "when its metadata changed last", 1_700_000_004_211, unit="Unix ms", on=on),
        Key("@DeletedAt", "integer", "when it went; only in the past", 1_700_000_009_000, unit="Unix ms", on=on),
        Key("@Revision", "integer", "counts the changes of its metadata from 1", 7, on=on),
    )


KEYS = (
    *written_by(
        "graph",
        *_fields("node"),
        *_fields("edge"),
        Key("@Parent", "string", "id of the node that it leads from", "24cf3a8e-…", on="edge"),
        Key("@Child", "string", "id of the node that it leads to", "90d2b1c7-…", on="edge"),
    ),
    *written_by(
        "tid",
        Key(
            "TID",
            "string",
            "identity that flows and captures refer to: made of the owner's TID, name and type, kept over a rename",
            "1bbd6f8a-9b91-5e19-9b8a-e17fc33429f4",
        ),
    ),
    *written_by(
        "underlay",
        Key(
            "RelationType",
            "string",
            "`underlay`: tunnel to what carries it; `layer2`: to its other end",
            "underlay",
            on="edge",
        ),
        Key("Type", "string", "kind of the tunnel, between its two ends", "vxlan", on="edge"),
        Key("End", "string", "`local` or `remote`: whose address the interface has", "remote", on="edge"),
    ),
    *written_by(
        "vm",
        Key("VM", "object", "machine that it belongs to", {"UUID": "8a566101-8736-4522-bbad-29951893d152"}),
        Key(
            "VM.UUID",
            "string",
            "its UUID, in lower case: `ExtID.vm-uuid`, else `ExtID.vm-id`, else what QEMU says",
            "8a566101-8736-4522-bbad-29951893d152",
        ),
    ),
)
