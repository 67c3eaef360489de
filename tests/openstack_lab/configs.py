# SPDX-License-Identifier: Apache-2.0
"""Configuration of a small OpenStack network on one machine: everything on loopback, everything in one folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from system.stack import free_port

HOST: Final = "story"
"""The `host` of every agent of Neutron's, and `binding:host_id` of the ports."""
PASSWORD: Final = "story"


@dataclass(frozen=True)
class Ports:
    """TCP ports on 127.0.0.1."""

    keystone: int
    neutron: int
    ovsdb: int
    openflow: int
    amqp: int
    epmd: int
    erlang: int

    @classmethod
    def free(cls) -> "Ports":
        return cls(*(free_port() for _ in range(7)))


def files(state: Path, ports: Ports) -> dict[str, str]:
    """Return the configuration files by name."""
    neutron = f"""
[DEFAULT]
host = {HOST}
state_path = {state}/neutron
bind_host = 127.0.0.1
bind_port = {ports.neutron}
core_plugin = ml2
service_plugins = router
api_paste_config = /etc/neutron/api-paste.ini
api_workers = 1
rpc_workers = 1
rpc_state_report_workers = 0
graceful_shutdown_timeout = 2
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
transport_url = rabbit://guest:guest@127.0.0.1:{ports.amqp}/
[agent]
# Everything is root already, and needs neither sudo nor rootwrap.
root_helper = env
report_interval = 10
quitting_rpc_timeout = 1
[database]
connection = {database(state, "neutron")}
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:{ports.keystone}/v3
auth_url = http://127.0.0.1:{ports.keystone}/v3
auth_type = password
username = neutron
password = {PASSWORD}
project_name = service
user_domain_id = default
project_domain_id = default
[oslo_concurrency]
lock_path = {state}/neutron/lock
"""
    return {
        "keystone.conf": f"""
[DEFAULT]
log_file = {state}/log/keystone.log
[database]
connection = {database(state, "keystone")}
[fernet_tokens]
key_repository = {state}/keystone/fernet
[fernet_receipts]
key_repository = {state}/keystone/fernet
[credential]
key_repository = {state}/keystone/credential
[identity]
password_hash_rounds = 4
""",
        "rabbitmq.conf": f"listeners.tcp.1 = 127.0.0.1:{ports.amqp}\nlog.console = true\nlog.file = false\n",
        "neutron.conf": neutron,
        "ml2.ini": """
[ml2]
type_drivers = flat,vxlan
tenant_network_types = vxlan
mechanism_drivers = openvswitch
extension_drivers = port_security
[ml2_type_flat]
flat_networks = extern
[ml2_type_vxlan]
vni_ranges = 7700:7799
""",
        # By TCP: with a Unix socket the agents would have ovsdb-server make it anew, which cuts off its other clients.
        "switch.ini": f"[ovs]\novsdb_connection = tcp:127.0.0.1:{ports.ovsdb}\ndatapath_type = netdev\n",
        "ovs-agent.ini": f"""
[ovs]
integration_bridge = br-int
tunnel_bridge = br-tun
bridge_mappings = extern:br-ex
local_ip = 127.0.0.1
of_listen_address = 127.0.0.1
of_listen_port = {ports.openflow}
[agent]
tunnel_types = vxlan
[securitygroup]
firewall_driver = openvswitch
""",
        "dhcp-agent.ini": f"""
[DEFAULT]
interface_driver = openvswitch
dnsmasq_config_file = {state}/etc/dnsmasq.conf
""",
        # By itself dnsmasq becomes `nobody`, who is not let into the folder.
        "dnsmasq.conf": "user=root\ngroup=root\n",
        "l3-agent.ini": "[DEFAULT]\ninterface_driver = openvswitch\nenable_metadata_proxy = false\n",
    }


def database(state: Path, name: str) -> str:
    return f"mysql+pymysql://root@localhost/{name}?unix_socket={state}/mysql.sock&charset=utf8"
