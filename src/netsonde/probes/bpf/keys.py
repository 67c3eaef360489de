# SPDX-License-Identifier: Apache-2.0
"""Keys that the `bpf` probe writes on the nodes of interfaces."""

from netsonde.model.keys import Key, written_by
from netsonde.model.looks import Look

KEYS = written_by(
    "bpf",
    Key(
        "BPFPrograms",
        "list of object",
        "eBPF programs attached by links or without tc, in the order in which they run",
        [{"Hook": "tcx/ingress", "ProgID": 42, "Name": "cil_from_netdev"}],
    ),
    Key("BPFPrograms.Hook", "string", "`xdp tcx/ingress tcx/egress netkit/primary netkit/peer`", "tcx/ingress"),
    Key("BPFPrograms.ProgID", "integer", "number of the program, as `bpftool prog` lists it", 42),
    Key(
        "BPFPrograms.Name", "string", "name that its author gave, cut by the kernel after 15 letters", "cil_from_netdev"
    ),
    Key("BPFPrograms.Tag", "string", "hash of its instructions", "a04f5eef06a7f555"),
    Key("BPFPrograms.LinkID", "integer", "link that holds it there, as `bpftool link` lists it; absent without one", 7),
)

LOOKS: tuple[Look, ...] = ()
