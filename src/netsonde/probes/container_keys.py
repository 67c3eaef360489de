# SPDX-License-Identifier: Apache-2.0
"""Keys that every probe of containers writes, whoever runs them; `containers.py` writes them."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import Look

CONTAINER = ("container",)

_EACH = (
    Key("Type", "string", "`container`", "container"),
    Key("Container", "object", "the container", {"ID": "6f958c90…", "Image": "nginx:1.27", "Status": "running"}),
    Key("Container.InitProcessPID", "integer", "its first process", 23745),
)
OF_IMAGES = (
    Key("Container.ID", "string", "id", "6f958c90ca3bd9d65bf5219cbdbddf444819644816da22f7c5ad4bf1d6eebb6f"),
    Key("Container.Image", "string", "image as it was asked for", "nginx:1.27"),
    Key("Container.StartedAt", "integer", "when it was started", 1_700_000_000_000, unit="Unix ms"),
    Key("Container.Labels", "object", "labels, verbatim", {"app": "shop", "app.kubernetes.io/name": "shop"}),
    Key("Container.Labels.*", "string", "one label; a name with dots is quoted in a query", "shop"),
    Key("Container.LabelsOmitted", "integer", "labels beyond 64 kB, which are not shown", 3),
)
"""Of containers that are made from images, with labels; annotations of an OCI bundle are such too."""
OF_PODS = (
    Key("Container.Pod", "object", "pod of Kubernetes", {"Name": "web-0", "Namespace": "default"}),
    Key("Container.Pod.Name", "string", "name of the pod", "web-0"),
    Key("Container.Pod.Namespace", "string", "namespace of Kubernetes", "default"),
    Key("Container.Pod.UID", "string", "UID of the pod", "1b6cd5b8-3ccd-4a53-8c7e-5f0f0a0c2a11"),
)

LOOKS = (Look("container", "container", group=True),)


def container_keys(producer: str, manager: Key, *own: Key) -> tuple[Key, ...]:
    """Return the keys of a probe: those of each, `Manager` as it writes it, and its own."""
    return written_by(
        producer,
        *of_types(CONTAINER, *_EACH, manager, *own),
        Key("Manager", "string", "manager of the container that it was made for", manager.example, ("netns",)),
        Key("RelationType", "string", "`ownership`: of a container", "ownership", on="edge"),
    )
