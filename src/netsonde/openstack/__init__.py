# SPDX-License-Identifier: Apache-2.0
"""What an OpenStack cloud says of ports, networks and routers: read by one analyzer, shown on every one's graph."""

from netsonde.openstack.overlay import OWNER
from netsonde.openstack.service import HEALTH, OpenStack, health_of

__all__ = ["HEALTH", "OWNER", "OpenStack", "health_of"]
