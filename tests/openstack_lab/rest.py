# SPDX-License-Identifier: Apache-2.0
"""Keystone and Neutron by REST, as an administrator: what Nova, Horizon and their users do in a cloud."""

import uuid
from typing import Any

import httpx

from openstack_lab.configs import HOST, PASSWORD, Ports

Thing = dict[str, Any]


class Rest:
    """Makes what the story needs; each call raises httpx.HTTPStatusError for what the cloud refuses."""

    def __init__(self, ports: Ports) -> None:
        self.keystone = f"http://127.0.0.1:{ports.keystone}/v3"
        self.neutron = f"http://127.0.0.1:{ports.neutron}/v2.0"
        self._client = httpx.Client(timeout=60, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def login(self, user: str = "admin", project: str = "admin") -> None:
        domain = {"id": "default"}
        account = {"name": user, "password": PASSWORD, "domain": domain}
        answer = self._client.post(
            f"{self.keystone}/auth/tokens",
            json={
                "auth": {
                    "identity": {"methods": ["password"], "password": {"user": account}},
                    "scope": {"project": {"name": project, "domain": domain}},
                }
            },
        )
        answer.raise_for_status()
        self._client.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]

    def call(self, method: str, url: str, body: object = None) -> Any:
        answer = self._client.request(method, url, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def make(self, kind: str, name: str, *, base: str = "", **attributes: object) -> Thing:
        made: Thing = self.call("POST", f"{base or self.neutron}/{kind}s", {kind: {"name": name, **attributes}})[kind]
        return made

    def listed(self, kind: str, query: str = "") -> list[Thing]:
        found: list[Thing] = self.call("GET", f"{self.neutron}/{kind}?{query}")[kind]
        return found

    def make_accounts(self) -> None:
        """Neutron's own account and its place in the catalogue; a project `shop`."""
        self.login()
        roles = {role["name"]: role["id"] for role in self.call("GET", f"{self.keystone}/roles")["roles"]}
        service = self.make("project", "service", base=self.keystone, domain_id="default")["id"]
        self.make("project", "shop", base=self.keystone, domain_id="default")
        user = self.make("user", "neutron", base=self.keystone, domain_id="default", password=PASSWORD)["id"]
        for role in ("admin", "service"):
            role_id = roles[role] if role in roles else self.make("role", role, base=self.keystone)["id"]
            self.call("PUT", f"{self.keystone}/projects/{service}/users/{user}/roles/{role_id}")
        network = self.make("service", "neutron", base=self.keystone, type="network")["id"]
        for interface in ("public", "internal", "admin"):
            endpoint = {
                "service_id": network,
                "interface": interface,
                "url": self.neutron.removesuffix("/v2.0"),
                "region_id": "RegionOne",
            }
            self.call("POST", f"{self.keystone}/endpoints", {"endpoint": endpoint})

    def make_network(self) -> None:
        """A network of the project `shop` behind a router with a way out."""
        self.login()
        shop = self.call("GET", f"{self.keystone}/projects?name=shop")["projects"][0]["id"]
        flat: Thing = {"provider:network_type": "flat", "provider:physical_network": "extern", "router:external": True}
        outside = self.make("network", "public", **flat)
        fixed: Thing = {"ip_version": 4, "cidr": "203.0.113.0/24", "gateway_ip": "203.0.113.1", "enable_dhcp": False}
        self.make("subnet", "public-subnet", network_id=outside["id"], **fixed)
        network = self.make("network", "web-net", project_id=shop)
        subnet = self.make(
            "subnet", "web-subnet", project_id=shop, network_id=network["id"], ip_version=4, cidr="10.77.0.0/24"
        )
        gateway = {"network_id": outside["id"]}
        router = self.make("router", "web-router", project_id=shop, external_gateway_info=gateway)
        self.call("PUT", f"{self.neutron}/routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})

    def make_instance_port(self, name: str) -> Thing:
        """Do Nova's part: a port that belongs to an instance and is bound to this host."""
        network = self.listed("networks", "name=web-net")[0]
        return self.make(
            "port",
            name,
            project_id=network["project_id"],
            network_id=network["id"],
            device_id=str(uuid.uuid4()),
            device_owner="compute:nova",
            **{"binding:host_id": HOST},
        )
