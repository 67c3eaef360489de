# SPDX-License-Identifier: Apache-2.0
"""Keys that the `cri` probe writes."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import Look

KEYS = written_by(
    "cri",
    *of_types(
        ("container",),
        Key("Name", "string", "name in the pod; of a pod's sandbox the pod's name", "web"),
        Key("Type", "string", "`container`", "container"),
        Key("Manager", "string", "runtime that manages it, as it calls itself: `containerd`, `cri-o`", "containerd"),
        Key("Container", "object", "the container", {"ID": "6f958c90…", "Image": "nginx:1.27", "Status": "running"}),
        Key("Container.ID", "string", "id", "6f958c90ca3bd9d65bf5219cbdbddf444819644816da22f7c5ad4bf1d6eebb6f"),
        Key("Container.Image", "string", "image as it was asked for", "nginx:1.27"),
        Key("Container.ImageID", "string", "reference of the image", "sha256:6368ebce…"),
        Key("Container.Runtime", "string", "runtime that runs it", "containerd"),
        Key("Container.Status", "string", "`created` or `running`", "running"),
        Key("Container.InitProcessPID", "integer", "its first process", 23745),
        Key("Container.StartedAt", "integer", "when it was started", 1_700_000_000_000, unit="Unix ms"),
        Key("Container.Hostname", "string", "host name inside", "web-0"),
        Key("Container.Attempt", "integer", "how often it was started anew in its pod", 2),
        Key("Container.Labels", "object", "labels, verbatim", {"io.kubernetes.container.name": "web"}),
        Key("Container.Labels.*", "string", "one label; a name with dots is quoted in a query", "web"),
        Key("Container.LabelsOmitted", "integer", "labels beyond 64 kB, which are not shown", 3),
        Key("Container.Pod", "object", "pod of Kubernetes", {"Name": "web-0", "Namespace": "default"}),
        Key("Container.Pod.Name", "string", "name of the pod", "web-0"),
        Key("Container.Pod.Namespace", "string", "namespace of Kubernetes", "default"),
        Key("Container.Pod.UID", "string", "UID of the pod", "1b6cd5b8-3ccd-4a53-8c7e-5f0f0a0c2a11"),
        Key("Container.Pod.ID", "string", "id of its sandbox", "0a91c5…"),
        Key("Container.Pod.IPs", "list of string", "addresses of the pod", ["10.244.1.7", "2001:db8::7"]),
    ),
    Key("Manager", "string", "runtime of the pod that it was made for", "containerd", ("netns",)),
    Key("RelationType", "string", "`ownership`: of a container", "ownership", on="edge"),
)

LOOKS = (Look("container", "container", group=True),)
