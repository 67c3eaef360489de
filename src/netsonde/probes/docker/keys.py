# SPDX-License-Identifier: Apache-2.0
"""Keys that the `docker` probe writes."""

from netsonde.model.keys import Key
from netsonde.probes.container_keys import LOOKS, OF_IMAGES, container_keys

__all__ = ["KEYS", "LOOKS"]

KEYS = container_keys(
    "docker",
    Key("Manager", "string", "engine that manages it: `docker` or `podman`", "docker"),
    *OF_IMAGES,
    Key("Name", "string", "name of the container", "shop-web-1"),
    Key("Container.ImageID", "string", "id of the image", "sha256:6368ebce…"),
    Key("Container.Runtime", "string", "engine that runs it", "docker"),
    Key("Container.Status", "string", "`running`, `paused`, `restarting`", "running"),
    Key("Container.Health", "string", "`starting healthy unhealthy`, with a health check only", "healthy"),
    Key("Container.Hostname", "string", "host name inside", "6f958c90ca3b"),
    Key("Container.NetworkMode", "string", "network that it was started with", "bridge"),
    Key("Container.Networks", "list of object", "networks it is attached to", [{"Name": "bridge"}]),
    Key("Container.Networks.Name", "string", "name of the network", "shop_default"),
    Key("Container.Networks.ID", "string", "id of the network", "548ba178…"),
    Key("Container.Networks.IPV4", "string", "address there", "10.231.7.2/24"),
    Key("Container.Networks.IPV6", "string", "address there", "2001:db8::2/64"),
    Key("Container.Networks.MAC", "string", "link-layer address there", "02:42:0a:e7:07:02"),
    Key("Container.Networks.Gateway", "string", "gateway there", "10.231.7.1"),
    Key("Container.Networks.Aliases", "list of string", "names by which others find it there", ["web"]),
    Key("Container.Ports", "list of object", "ports that it offers", [{"Port": 80, "Protocol": "tcp"}]),
    Key("Container.Ports.Port", "integer", "port inside", 80),
    Key("Container.Ports.Protocol", "string", "`tcp udp sctp`", "tcp"),
    Key("Container.Ports.HostIP", "string", "address at which it is published", "0.0.0.0"),
    Key("Container.Ports.HostPort", "integer", "port at which it is published", 8080),
    Key("Container.Compose", "object", "place in a Compose project", {"Project": "shop", "Service": "web"}),
    Key("Container.Compose.Project", "string", "project", "shop"),
    Key("Container.Compose.Service", "string", "service of the project", "web"),
    Key("Container.Compose.Number", "string", "number within the service", "1"),
)
