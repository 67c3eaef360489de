# SPDX-License-Identifier: Apache-2.0
"""What one analyzer read of a cloud, as the others take it from the bucket `openstack`."""

from typing import Literal, TypeAlias

import msgspec

from netsonde.model.elements import Metadata

RecordKind: TypeAlias = Literal["port", "network", "router", "reader"]


class CloudRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One object of a cloud, ready to be laid upon the nodes that it describes; `reader` tells who reads the cloud."""

    cloud: str
    kind: RecordKind
    id: str
    """Its UUID in Neutron; of a reader the host of the analyzer."""
    mac: str = ""
    """Of a port: its MAC, in lower case."""
    machine: str = ""
    """Of a port: UUID of the virtual machine that it belongs to, "" = of none."""
    neutron: Metadata = {}
    """The key `Neutron` of the nodes."""

    @property
    def key(self) -> str:
        """Key in the bucket."""
        return f"{self.cloud}.reader" if self.kind == "reader" else f"{self.cloud}.{self.kind}.{self.id}"
