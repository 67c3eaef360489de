# SPDX-License-Identifier: Apache-2.0
"""Hand-written rows: a bridge and two ports with all that can hang on them, interfaces that tell much."""

from netsonde.probes.ovsdb.monitor import Row

PORT: Row = {"name": ("tap1",), "qos": ("q",)}
BRIDGE: Row = {
    "name": ("br",),
    "ports": ("p",),
    "mirrors": ("m2", "m1"),
    "controller": ("c",),
    "sflow": ("s",),
    "netflow": ("n",),
    "ipfix": ("i",),
}
SYSTEM: Row = {
    "ovs_version": ("3.1.0",),
    "datapath_types": ("system", "netdev"),
    "iface_types": ("vxlan", "internal"),
    "dpdk_initialized": (True,),
    "dpdk_version": ("DPDK 22.11.1",),
    "manager_options": ("g1", "g2"),
    "datapaths": {"system": "d"},
}
TABLES: dict[str, dict[str, Row]] = {
    "Open_vSwitch": {"o": SYSTEM},
    "Bridge": {"b": BRIDGE},
    "Port": {"p": PORT, "p2": {"name": ("tap2",), "qos": ("q",)}},
    "Interface": {},
    "QoS": {"q": {"type": ("linux-htb",), "other_config": {"max-rate": "9"}, "queues": {"10": "u2", "2": "u1"}}},
    "Queue": {"u1": {"dscp": (46,), "other_config": {"min-rate": "1"}}, "u2": {"dscp": (), "other_config": {}}},
    "Mirror": {
        "m1": {"name": ("all",), "select_all": (True,), "output_vlan": (99,)},
        "m2": {"name": ("one",), "select_src_port": ("p2", "p"), "select_vlan": (9, 7), "output_port": ("p2",)},
    },
    "Controller": {"c": {"target": ("tcp:192.0.2.1",), "is_connected": (False,), "role": ()}},
    "sFlow": {"s": {"targets": ("192.0.2.1:6343",), "sampling": (64,), "agent": ("eth0",)}},
    "NetFlow": {"n": {"targets": ("192.0.2.2:2055", "192.0.2.1:2055"), "active_timeout": (0,)}},
    "IPFIX": {"i": {"targets": ("192.0.2.1:4739",), "obs_domain_id": (1,)}},
    "Manager": {
        "g1": {
            "target": ("tcp:192.0.2.1:6640",),
            "is_connected": (False,),
            "inactivity_probe": (5000,),
            "status": {"state": "BACKOFF", "last_error": "Connection refused", "sec_since_disconnect": "7"},
        },
        "g2": {
            "target": ("ptcp:6640",),
            "is_connected": (True,),
            "status": {"bound_port": "6640", "n_connections": "2", "sec_since_connect": "9"},
        },
    },
    "Datapath": {
        "d": {
            "datapath_version": ("0",),
            "capabilities": {"ct_zone": "true", "recirc": "true"},
            "ct_zones": {"9": "z2", "7": "z1"},
        }
    },
    "CT_Zone": {"z1": {"timeout_policy": ("t",), "limit": (10_000,)}, "z2": {"timeout_policy": ()}},
    "CT_Timeout_Policy": {"t": {"timeouts": {"tcp_close": "10"}}},
}

LIVELY: Row = {
    "name": ("tap1",),
    "type": ("",),
    "bfd": {"enable": "true"},
    "bfd_status": {"state": "up"},
    "cfm_mpid": (1,),
    "cfm_remote_mpids": (3, 2),
    "cfm_fault": (False,),
    "cfm_fault_status": (),
    "cfm_health": (100,),
    "lacp_current": (False,),
    "ingress_policing_rate": (1000,),
    "ingress_policing_burst": (0,),
    "status": {"driver_name": "tun"},
}

DPDK: Row = {
    "name": ("dpdk0",),
    "type": ("dpdk",),
    "status": {"driver_name": "net_ice", "numa_id": "1", "n_rxq": "2", "n_txq": "5", "max_rx_queues": "256"},
    "options": {"dpdk-devargs": "0000:01:00.0,representor=[1]", "n_rxq": "2"},
    "mac_in_use": ("02:00:00:00:00:01",),
    "mtu": (9000,),
    "link_state": ("up",),
    "admin_state": ("down",),
    "link_speed": (25_000_000_000,),
    "duplex": ("full",),
}

VHOST_USER: Row = {
    "name": ("vhu1",),
    "type": ("dpdkvhostuserclient",),
    "status": {
        "mode": "client",
        "status": "connected",
        "socket": "/run/vhu1",
        "numa": "0",
        "num_of_vrings": "4",
        "n_rxq": "2",
        "n_txq": "2",
        "vring_0_size": "256",
    },
    "options": {"vhost-server-path": "/run/vhu1"},
    "link_state": ("up",),
}
