# SPDX-License-Identifier: Apache-2.0
"""Settings of the clouds that are read: section `openstack` of the analyzer's settings."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

_SECRET: Final[dict[str, Any]] = {"secret": True}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """One cloud: an entry of a clouds.yaml, or the address of its Keystone and an account."""

    cloud: str = ""
    """Name of the cloud in clouds.yaml, which then says how to log in (application credentials too)."""
    clouds_file: Path | None = None
    """That file; none = where OpenStack's own client looks, such as /etc/openstack/clouds.yaml."""
    auth_url: str = ""
    """Address of Keystone with its version, such as https://keystone.example:5000/v3."""
    username: str = ""
    """Account that reads. What it may see is what is shown: see docs/howto/connect-to-openstack.md."""
    password: str = field(default="", repr=False, metadata=_SECRET)
    """Its password."""
    password_file: Path | None = None
    """File whose first line is the password, read at each log-in; in place of `password`."""
    project: str = "admin"
    """Project in whose scope it reads."""
    user_domain: str = "Default"
    """Name of the account's domain."""
    project_domain: str = "Default"
    """Name of the project's domain."""
    region: str = ""
    """Region whose Neutron is read; "" = the only one, or that of clouds.yaml."""
    interface: Literal["", "public", "internal", "admin"] = ""
    """Which of Neutron's addresses in the catalogue is used; "" = public, or that of clouds.yaml."""
    ca: Path | None = None
    """Certificates (PEM) that the cloud's must be signed by; none = those that this machine trusts."""
    interval: float = 30.0
    """Seconds between two looks at what has changed; at least 2. New interfaces are asked for at once."""
    timeout: float = 30.0
    """Seconds that the cloud may take for one answer."""
    max_ports: int = 100_000
    """Ports that are taken in, and as many objects of each other kind; a cloud with more is not read."""

    def __post_init__(self) -> None:
        if bool(self.cloud) == bool(self.auth_url):
            raise ValueError("set either cloud, a name in clouds.yaml, or auth_url")
        if self.auth_url:
            if not self.auth_url.startswith(("http://", "https://")):
                raise ValueError("auth_url must be http:// or https://")
            if not self.username or bool(self.password) == (self.password_file is not None):
                raise ValueError("auth_url needs username, and either password or password_file")
        if self.interval < 2 or self.timeout <= 0 or self.max_ports <= 0:
            raise ValueError("interval must be at least 2, timeout and max_ports greater than 0")


@dataclass(frozen=True, slots=True)
class OpenStackSettings:
    """Clouds whose Neutron tells what ports, networks and routers are called."""

    clouds: dict[str, CloudSettings] = field(default_factory=dict)
    """The clouds, each a table under a name of your own: `[openstack.clouds.berlin]`."""

    def __post_init__(self) -> None:
        for name in self.clouds:
            if not _NAME.fullmatch(name):
                raise ValueError(f"clouds: {name!r} must be letters, digits, - and _, at most 63 of them")
