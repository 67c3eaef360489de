# SPDX-License-Identifier: Apache-2.0
"""Short hand for tests that make interfaces of one host come and go."""

from netsonde.graph import Batch, Graph
from netsonde.graph.batch import OWNERSHIP
from netsonde.model.captures import Capture
from netsonde.model.elements import Json, Metadata

VM_QUERY = "G.V().HasKey('ExtID.vm-id')"


class Host:
    """The host `h1`; the ids of its interfaces are their names."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        batch = Batch()
        batch.put_node("h1", "host", {"Type": "host", "Name": "h1"})
        batch.put_node("ns1", "netns", {"Type": "netns", "Name": "ns1", "Inode": 77, "Path": "/run/netns/ns1"})
        batch.put_edge(None, "h1", "ns1", "netns", {"RelationType": OWNERSHIP})
        graph.apply(batch)
        self._ifindex = 9

    def plug(self, name: str, *, owner: str = "h1", ifindex: int | None = None, **more: Json) -> None:
        """Make an interface appear."""
        self._ifindex += 1
        index = self._ifindex if ifindex is None else ifindex
        batch = Batch()
        batch.put_node(name, "netlink", {"Name": name, "Type": "tuntap", "IfIndex": index, **more})
        batch.put_edge(None, owner, name, "netlink", {"RelationType": OWNERSHIP})
        self.graph.apply(batch)

    def name_vm(self, name: str, vm: str = "vm-1") -> None:
        """Write the VM's id, as OVSDB does some time after the interface appeared."""
        self.annotate(name, "ovsdb", {"ExtID": {"vm-id": vm}})

    def annotate(self, name: str, owner: str, metadata: Metadata) -> None:
        batch = Batch()
        batch.annotate(name, owner, metadata)
        self.graph.apply(batch)

    def unplug(self, name: str) -> None:
        batch = Batch()
        batch.delete_node(name)
        self.graph.apply(batch)

    def captures_of(self, name: str) -> Json:
        node = self.graph.node(name)
        assert node is not None
        return node.metadata.get("Captures")


def vm_capture(uuid: str = "c1", query: str = VM_QUERY) -> Capture:
    return Capture(uuid=uuid, gremlin_query=query, name="vms")
