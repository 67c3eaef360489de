# SPDX-License-Identifier: Apache-2.0
"""Keys that the `cri` probe writes."""

from netsonde.model.keys import Key
from netsonde.probes.container_keys import LOOKS, OF_IMAGES, OF_PODS, container_keys

__all__ = ["KEYS", "LOOKS"]

KEYS = container_keys(
    "cri",
    Key("Manager", "string", "runtime that manages it, as it calls itself: `containerd`, `cri-o`", "containerd"),
    *OF_IMAGES,
    *OF_PODS,
    Key("Name", "string", "name in the pod; of a pod's sandbox the pod's name", "web"),
    Key("Container.ImageID", "string", "reference of the image", "sha256:6368ebce…"),
    Key("Container.Runtime", "string", "runtime that runs it", "containerd"),
    Key("Container.Status", "string", "`created` or `running`", "running"),
    Key("Container.Hostname", "string", "host name inside", "web-0"),
    Key("Container.Attempt", "integer", "how often it was started anew in its pod", 2),
    Key("Container.Pod.ID", "string", "id of its sandbox", "0a91c5…"),
    Key("Container.Pod.IPs", "list of string", "addresses of the pod", ["10.244.1.7", "2001:db8::7"]),
)
