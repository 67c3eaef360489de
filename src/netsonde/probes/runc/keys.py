# SPDX-License-Identifier: Apache-2.0
"""Keys that the `runc` probe writes."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import Look

KEYS = written_by(
    "runc",
    *of_types(
        ("container",),
        Key("Name", "string", "name of the container; of a pod's sandbox the pod's; else the id", "web"),
        Key("Type", "string", "`container`", "container"),
        Key("Manager", "string", "`runc` or `crun`", "runc"),
        Key("Container", "object", "the container", {"ID": "6f958c90…", "Runtime": "runc", "Status": "running"}),
        Key("Container.ID", "string", "id", "6f958c90ca3bd9d65bf5219cbdbddf444819644816da22f7c5ad4bf1d6eebb6f"),
        Key("Container.Image", "string", "image, where Kubernetes runs it", "registry.k8s.io/pause:3.8"),
        Key("Container.Runtime", "string", "`runc` or `crun`", "runc"),
        Key("Container.Status", "string", "`created` or `running`", "running"),
        Key("Container.InitProcessPID", "integer", "its first process", 23745),
        Key("Container.StartedAt", "integer", "when it was created", 1_700_000_000_000, unit="Unix ms"),
        Key("Container.Hostname", "string", "host name inside", "web-0"),
        Key("Container.Bundle", "string", "directory of its OCI bundle", "/run/containerd/io.containerd.…/6f958c90…"),
        Key(
            "Container.Labels",
            "object",
            "annotations of the bundle, verbatim",
            {"io.kubernetes.cri.sandbox-name": "web-0"},
        ),
        Key("Container.Labels.*", "string", "one annotation; a name with dots is quoted in a query", "web-0"),
        Key("Container.LabelsOmitted", "integer", "annotations beyond 64 kB, which are not shown", 3),
        Key("Container.Pod", "object", "pod of Kubernetes", {"Name": "web-0", "Namespace": "default"}),
        Key("Container.Pod.Name", "string", "name of the pod", "web-0"),
        Key("Container.Pod.Namespace", "string", "namespace of Kubernetes", "default"),
        Key("Container.Pod.UID", "string", "UID of the pod", "1b6cd5b8-3ccd-4a53-8c7e-5f0f0a0c2a11"),
    ),
    Key("Manager", "string", "manager of the container that it was made for", "runc", ("netns",)),
    Key("RelationType", "string", "`ownership`: of a container", "ownership", on="edge"),
)

LOOKS = (Look("container", "container", group=True),)
