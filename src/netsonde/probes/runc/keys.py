# SPDX-License-Identifier: Apache-2.0
"""Keys that the `runc` probe writes."""

from netsonde.model.keys import Key
from netsonde.probes.container_keys import LOOKS, OF_IMAGES, OF_PODS, container_keys

__all__ = ["KEYS", "LOOKS"]

KEYS = container_keys(
    "runc",
    Key("Manager", "string", "`runc` or `crun`", "runc"),
    *OF_IMAGES,
    *OF_PODS,
    Key("Name", "string", "name of the container; of a pod's sandbox the pod's; else the id", "web"),
    Key("Container.Runtime", "string", "`runc` or `crun`", "runc"),
    Key("Container.Status", "string", "`created` or `running`", "running"),
    Key("Container.Hostname", "string", "host name inside", "web-0"),
    Key("Container.Bundle", "string", "directory of its OCI bundle", "/run/containerd/io.containerd.…/6f958c90…"),
)
