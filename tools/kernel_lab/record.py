# SPDX-License-Identifier: Apache-2.0
"""Inside the machine: build what its kernel can and others cannot, and record what rtnetlink, devlink and OVSDB say.

Beside each recording stands what `ip`, `bridge`, `devlink` and `ovs-vsctl` said at that moment.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from demo.switch import Switch

from netsonde.probes import netlink_wire as wire
from netsonde.probes.devlink.kernel import read_devices
from netsonde.probes.generic_netlink import open_socket
from netsonde.probes.netlink.socket import RtnetlinkSocket
from netsonde.probes.netlink.watch import REQUESTS
from netsonde.probes.ovsdb.columns import WANTED
from netsonde.probes.ovsdb.jsonrpc import JsonRpc
from netsonde.probes.ovsdb.monitor import Replica
from netsonde.probes.ovsdb.probe import NO_TRANSACTION
from netsonde.probes.ovsdb.switch import DATABASE

BUFFER: Final = 1 << 24
MODULES: Final = (
    *("veth", "bridge", "bonding", "8021q", "vrf", "dummy", "ip_gre", "geneve", "vxlan", "ipvlan", "team"),
    *("openvswitch", "vport-vxlan", "vport-geneve", "vport-gre"),
)
BONDED: Final = """
link add a0 type veth peer name b0
link add a1 type veth peer name b1
link add bond0 type bond mode 802.3ad miimon 100 lacp_rate fast xmit_hash_policy layer3+4
link add bond1 type bond mode 802.3ad miimon 100 lacp_rate fast
link set a0 master bond0
link set a1 master bond0
link set b0 master bond1
link set b1 master bond1
link set bond0 up
link set bond1 up
link add d0 type dummy
link add d1 type dummy
link add bond2 type bond mode active-backup primary d0 miimon 100
link set d0 master bond2
link set d1 master bond2
link set bond2 up
""".strip().splitlines()
LAYERED: Final = """
link add link bond0 name bond0.100 type vlan id 100
link add link bond0.100 name inner type vlan id 7 protocol 802.1ad
link set bond0.100 up
address add 192.0.2.1/24 dev bond0.100
link add red type vrf table 10
link set red up
link add d2 type dummy
link set d2 master red
link set d2 up
address add 198.51.100.1/24 dev d2
route add 203.0.113.0/24 via 198.51.100.9 table 10
link add gre1 type gretap local 192.0.2.1 remote 192.0.2.9 key 5
link add ipgre type gre local 192.0.2.1 remote 192.0.2.9
link add gen1 type geneve id 42 remote 192.0.2.9
link add vx1 type vxlan id 77 local 192.0.2.1 remote 192.0.2.9 dstport 4789
link add d4 type dummy
link add link d4 name ipv0 type ipvlan mode l3
link add team0 type team
link add br0 type bridge vlan_filtering 1 stp_state 1
link add d3 type dummy
link set d3 master br0
link set br0 up
link set d3 up
link property add dev d3 altname uplink
""".strip().splitlines()
FAILING: Final = """
link set a1 down
link set d0 down
link set d3 nomaster
link del bond0.100
link set d2 nomaster
""".strip().splitlines()


class Rtnetlink:
    """Records events as they come and dumps as the probe asks for them."""

    def __init__(self) -> None:
        self._events, self._asking = RtnetlinkSocket(BUFFER), RtnetlinkSocket(BUFFER)
        self.seq = 0

    def events(self) -> list[str]:
        return [piece.hex() for piece in iter(self._events.receive, None) if piece]

    def dumps(self) -> dict[str, list[str]]:
        while self._asking.receive() is not None:
            pass
        return {table: self._dump(kind, body) for table, (kind, body) in REQUESTS.items()}

    def _dump(self, kind: int, body: bytes) -> list[str]:
        self.seq += 1
        self._asking.send(wire.request(kind, wire.NLM_F_DUMP, self.seq, body))
        pieces: list[bytes] = []
        while True:
            piece = self._asking.receive()
            if piece is None:
                continue
            messages = [each for each in wire.messages(piece) if each.seq == self.seq]
            if messages:
                pieces.append(piece)
            if any(each.type in (wire.NLMSG_DONE, wire.NLMSG_ERROR) for each in messages):
                return [each.hex() for each in pieces]


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print("FAILED", *command, done.stderr.strip(), flush=True)
    return done.stdout


def ip(commands: Sequence[str]) -> None:
    for command in commands:
        run("ip", *command.split())


def said() -> dict[str, Any]:
    """Return what `ip` and `bridge` say."""
    return {
        "links": json.loads(run("ip", "-d", "-j", "address")),
        "routes": json.loads(run("ip", "-j", "route", "show", "table", "all") or "[]"),
        "vlans": json.loads(run("bridge", "-j", "vlan") or "[]"),
    }


def settle(seconds: float) -> None:
    """Leave the kernel time for consequences of its own."""
    time.sleep(seconds)  # noqa: TID251  the kernel does not tell when it is done


def until(condition: Callable[[], object], within: float = 30.0) -> None:
    end = time.monotonic() + within
    while not condition() and time.monotonic() < end:
        settle(0.1)


def aggregated() -> bool:
    text = Path("/proc/net/bonding/bond0").read_text()
    return "Number of ports: 2" in text and "Partner Mac Address: 00:00:00:00:00:00" not in text


def record_links() -> dict[str, Any]:
    kernel = Rtnetlink()
    before = kernel.dumps()
    ip(BONDED)
    until(aggregated)
    ip(LAYERED)
    run("bridge", "vlan", "add", "dev", "d3", "vid", "10-20")
    settle(2)  # addresses of IPv6, and what the bond does then
    recorded = {"before": before, "events": kernel.events(), "dumps": kernel.dumps(), "said": said()}
    ip(FAILING)
    settle(2)
    return {**recorded, "later": kernel.events(), "later_dumps": kernel.dumps(), "later_said": said()}


SWITCHED: Final = """
add-br br-int -- set Bridge br-int fail_mode=secure other_config:lacp-system-id=02:00:00:00:00:aa
add-port br-int c-trunk
add-br br-ex
add-bond br-ex up0 c0 c1 bond_mode=balance-tcp lacp=active -- set Port up0 other_config:lacp-time=fast bond_updelay=100
add-port br-int tap0 tag=7 -- set Interface tap0 type=internal external_ids:iface-id=bd32
set Interface tap0 external_ids:attached-mac=02:00:00:00:00:07
add-port br-int patch-ex -- set Interface patch-ex type=patch options:peer=patch-int
add-port br-ex patch-int -- set Interface patch-int type=patch options:peer=patch-ex
add-port br-int vx -- set Interface vx type=vxlan options:remote_ip=192.0.2.9 options:local_ip=192.0.2.1
set Interface vx options:key=flow
add-port br-int gv -- set Interface gv type=geneve options:remote_ip=192.0.2.9 options:key=42 bfd:enable=true
add-port br-int gone
set Port c-trunk trunks=10,20 vlan_mode=native-untagged tag=10
set Port tap0 qos=@q -- --id=@q create QoS type=linux-htb queues:3=@u -- --id=@u create Queue dscp=46
""".strip().splitlines()
UNSWITCHED: Final = """
set Port up0 lacp=passive
clear Port tap0 qos
del-port br-int vx
""".strip().splitlines()
ACCELERATED: Final = """
add-br br-dpdk -- set Bridge br-dpdk datapath_type=netdev
add-port br-dpdk dpdk0 -- set Interface dpdk0 type=dpdk options:dpdk-devargs=net_null0 options:n_rxq=2
add-port br-dpdk vhu0 -- set Interface vhu0 type=dpdkvhostuserclient options:vhost-server-path=/run/vhu0
add-port br-dpdk bad -- set Interface bad type=dpdk options:dpdk-devargs=0000:ff:00.0
""".strip().splitlines()
DRIVERS: Final = ("bus_vdev", "mempool_ring", "net_null")
LISTED: Final = ("Open_vSwitch", "Bridge", "Port", "Interface", "QoS", "Queue")


def record_kernel_datapath() -> dict[str, Any]:
    """Open vSwitch on the kernel's datapath, with a bond that speaks LACP with one of the kernel's own."""
    folder = Path("/run/ovs")
    folder.mkdir()
    switch = Switch(folder)
    switch.start()
    commands = ["link add c0 type veth peer name e0", "link add c1 type veth peer name e1"]
    commands += ["link add far type bond mode 802.3ad miimon 100 lacp_rate fast"]
    commands += ["link set e0 master far", "link set e1 master far", "link set far up", "link set c0 up"]
    ip([*commands, "link set c1 up", "link add c-trunk type dummy"])
    found = asyncio.run(_follow(switch, SWITCHED, UNSWITCHED))
    switch.stop()
    return found


def record_dpdk() -> dict[str, Any]:
    """Open vSwitch with DPDK, whose card (net_null) exists in it only, without huge pages."""
    root = Path(os.environ["DPDK"])
    libraries, programs = root / "usr/lib/x86_64-linux-gnu", root / "usr/lib/openvswitch-switch-dpdk"
    (programs / "ovs-vswitchd").unlink(missing_ok=True)
    (programs / "ovs-vswitchd").symlink_to("ovs-vswitchd-dpdk")
    with TemporaryDirectory(dir="/run") as folder:
        os.environ |= {"LD_LIBRARY_PATH": str(libraries), "PATH": f"{programs}:{os.environ['PATH']}"}
        os.environ["XDG_RUNTIME_DIR"] = folder
        switch = Switch(Path(folder))
        switch.start()
        drivers = " ".join(f"-d {next(libraries.glob(f'dpdk/pmds-*/librte_{name}.so.*'))}" for name in DRIVERS)
        extra = f"--no-huge --legacy-mem --no-pci -m 512 {drivers}"
        switch.vsctl("set", "Open_vSwitch", ".", f"other_config:dpdk-extra={extra}", "other_config:pmd-cpu-mask=1")
        switch.vsctl("set", "Open_vSwitch", ".", "other_config:dpdk-init=true")
        found = asyncio.run(_follow(switch, ACCELERATED, ["del-port br-dpdk dpdk0"]))
        switch.stop()
    return found


async def _follow(switch: Switch, making: Sequence[str], changing: Sequence[str]) -> dict[str, Any]:
    """Record the rows at first, each change, and what `ovs-vsctl` and `ip` say in between and at the end."""
    kernel = Rtnetlink()
    async with await JsonRpc.connect(f"unix:{switch.socket}") as server, asyncio.TaskGroup() as group:
        schema: Any = await server.call("get_schema", [DATABASE])
        replica = Replica()
        replica.use_schema(schema)
        wanted = replica.requests()
        first = await server.call("monitor_cond_since", [DATABASE, "netsonde", wanted, NO_TRANSACTION])
        notes: list[Any] = []
        follower = group.create_task(_collect(server, notes))
        for command in making:
            switch.vsctl(*command.split())
        await asyncio.sleep(8)  # until LACP and BFD have come to an end
        told = {"dumps": kernel.dumps(), "said": said(), "listed": listed(switch), "at": len(notes)}
        for command in changing:
            switch.vsctl(*command.split())
        await asyncio.sleep(3)
        told["later_listed"] = listed(switch)
        follower.cancel()
    return {"schema": trimmed(schema), "first": first, "notes": notes, **told}


async def _collect(server: JsonRpc, notes: list[Any]) -> None:
    while True:
        notes.extend(await server.notifications())


def trimmed(schema: Any) -> Any:
    """Return the columns that are followed, and no more."""
    tables = {
        table: {"columns": {name: kind for name, kind in schema["tables"][table]["columns"].items() if name in columns}}
        for table, columns in WANTED.items()
    }
    return {"tables": tables}


def listed(switch: Switch) -> dict[str, Any]:
    """Return what `ovs-vsctl list` says of each table."""
    return {table: json.loads(switch.vsctl("--format=json", "list", table)) for table in LISTED}


class Conversation:
    """A socket that notes what is asked and what comes back."""

    def __init__(self) -> None:
        self._socket = open_socket()
        self.spoken: list[list[Any]] = []

    def send(self, request: bytes) -> int:
        self.spoken.append([request.hex(), []])
        return self._socket.send(request)

    def recvfrom(self, size: int) -> tuple[bytes, Any]:
        data, sender = self._socket.recvfrom(size)
        self.spoken[-1][1].append(data.hex())
        return data, sender


def record_functions() -> dict[str, Any]:
    """A card with two ports and two virtual functions, as a bridge in hardware and by representors (netdevsim)."""
    run("modprobe", "psample")
    run("insmod", "/run/out/netdevsim.ko")
    kernel = Rtnetlink()
    bus = Path("/sys/bus/netdevsim")
    (bus / "new_device").write_text("1 2")
    settle(1)
    (bus / "devices/netdevsim1/sriov_numvfs").write_text("2")
    ports = json.loads(run("devlink", "-j", "port", "show"))["port"].values()
    port = next(each["netdev"] for each in ports if each["flavour"] == "physical")
    first, second = f"link set {port} vf 0", f"link set {port} vf 1"
    ip([f"{first} mac 02:00:00:00:00:f0 vlan 7 qos 3", f"{second} spoofchk on trust on state enable"])
    ip([f"{second} max_tx_rate 100", f"link set {port} up"])
    legacy = {"events": kernel.events(), **spoken(), "dumps": kernel.dumps(), "said": said()}
    run("devlink", "dev", "eswitch", "set", "netdevsim/netdevsim1", "mode", "switchdev")
    settle(1)
    switchdev = {"events": kernel.events(), **spoken(), "dumps": kernel.dumps(), "said": said()}
    return {"legacy": legacy, "switchdev": switchdev}


def spoken() -> dict[str, Any]:
    """Return the probe's conversation with devlink, and what `devlink` says."""
    conversation = Conversation()
    read_devices(conversation)  # type: ignore[arg-type]
    switch = ("dev", "eswitch", "show", "netdevsim/netdevsim1")
    parts = {"devices": ("dev", "info"), "ports": ("port", "show"), "switch": switch}
    asked = {name: json.loads(run("devlink", "-j", *words) or "{}") for name, words in parts.items()}
    return {"devlink": conversation.spoken, "devlink_said": asked}


def main(out: Path, *parts: str) -> None:
    for module in MODULES if parts != ("dpdk",) else ():
        run("modprobe", module)
    system = run("uname", "-srv").strip()
    for part in parts:
        print("recording", part, flush=True)
        found = {"recorded": f"{system}; {part}", **globals()[f"record_{part}"]()}
        (out / f"{part}.json").write_text(json.dumps(found))
    print("done", os.listdir(out), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
