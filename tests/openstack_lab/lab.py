# SPDX-License-Identifier: Apache-2.0
"""A real, small OpenStack network: Keystone, Neutron with its Open vSwitch, DHCP and L3 agents, MariaDB, RabbitMQ.

Each runs as a child, with configuration, data, logs and sockets in one folder, and listens on loopback. Nova is not
there; the story does its part. Needs root and Debian's packages (`tools/debs openstack`), 2 GB of memory, a minute.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
from demo.switch import Switch

from openstack_lab.configs import PASSWORD, Ports, files
from openstack_lab.rest import Rest, Thing

# Debian's programs want Debian's Python, whatever the caller has put before it.
_ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
BRIDGES: Final = ("br-int", "br-tun", "br-ex")
_AGENTS: Final = {"neutron-openvswitch-agent", "neutron-dhcp-agent", "neutron-l3-agent"}


class Lab:
    """The cloud; `up` and `down` once each. `state` has a short path, for the sockets in it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.ports = Ports.free()
        self.rest = Rest(self.ports)
        self.switch = Switch(state / "ovs")
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def up(self) -> None:
        for folder in ("etc/empty", "log", "ovs", "neutron/lock", "keystone/fernet", "keystone/credential", "rabbit"):
            (self.state / folder).mkdir(parents=True)
        for name, text in files(self.state, self.ports).items():
            (self.state / "etc" / name).write_text(text)
        for folder in ("keystone/fernet", "keystone/credential"):
            (self.state / folder).chmod(0o700)
        self._start_switch()
        self._start_mariadb()
        self._start_rabbitmq()
        self._start_keystone()
        self.rest.make_accounts()
        self._start_neutron()
        self.rest.make_network()
        self.wait(self._is_wired, 60, "DHCP and router wired")

    def down(self) -> None:
        """End the children, the latest first, then what Neutron's agents started and left behind."""
        self.rest.close()
        while self._children:
            self._end(self._children.popitem()[1])
        for pid in self._of_ours():
            _kill(pid, signal.SIGKILL)
        self.switch.stop()
        for namespace in self.namespaces():
            subprocess.run(["ip", "netns", "del", namespace], check=False)

    def namespaces(self) -> list[str]:
        """Return the namespaces that the agents made for our networks and routers."""
        found = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
        mine = (self.state / "ours").read_text().split() if (self.state / "ours").exists() else []
        return [name for name in found if name in mine]

    def plug(self, port: Thing) -> str:
        """Do what libvirt and os-vif do before the machine runs; returns the tap."""
        tap, mac = f"tap{port['id'][:11]}", port["mac_address"]
        for command in (
            ("tuntap", "add", "dev", tap, "mode", "tap"),
            ("link", "set", tap, "address", f"fe:{mac[3:]}", "mtu", "1450", "up"),
        ):
            subprocess.run(["ip", *command], check=True)
        ids = {"iface-id": port["id"], "iface-status": "active", "attached-mac": mac, "vm-uuid": port["device_id"]}
        ids["vm-id"] = port["device_id"]
        settings = [f"external_ids:{key}={value}" for key, value in ids.items()]
        self.switch.vsctl("--", "add-port", "br-int", tap, "--", "set", "Interface", tap, *settings)
        return tap

    def unplug(self, tap: str) -> None:
        self.switch.vsctl("--if-exists", "del-port", "br-int", tap)
        subprocess.run(["ip", "link", "del", tap], check=False, stderr=subprocess.DEVNULL)

    def wait(self, condition: Callable[[], object], within: float, what: str) -> None:
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError, OSError, subprocess.CalledProcessError):
                if condition():
                    return
            dead = [name for name, child in self._children.items() if child.poll() is not None]
            if dead:
                raise RuntimeError(f"{dead[0]} ended:\n{self._last_words(dead[0])}")
            time.sleep(0.2)  # noqa: TID251  other programs: nothing to wait on but their answers
        words = "\n".join(self._last_words(name) for name in self._children)
        raise RuntimeError(f"not {what} within {within:.0f} s:\n{words}")

    def _last_words(self, name: str) -> str:
        logs = (self.state / "log" / f"{name}{suffix}" for suffix in (".out", ".log"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in logs if log.exists())

    def _start_switch(self) -> None:
        self.switch.start()
        control, remote = self.switch.folder / "ovsdb-server.ctl", f"ptcp:{self.ports.ovsdb}:127.0.0.1"
        self._run("ovs-appctl", "-t", str(control), "ovsdb-server/add-remote", remote)
        for bridge in BRIDGES:
            self.switch.vsctl("add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev")

    def _start_mariadb(self) -> None:
        data, server = self.state / "mysql", self.state / "mysql.sock"
        install = ("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}", "--skip-test-db")
        self._run(*install, "--auth-root-authentication-method=normal")
        options = (
            "--user=root",
            f"--datadir={data}",
            f"--socket={server}",
            f"--pid-file={data}/pid",
            "--skip-networking",
        )
        quick = ("--max-connections=400", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin")
        self._daemon("mariadbd", "mariadbd", "--no-defaults", *options, *quick)
        make = "CREATE DATABASE keystone CHARACTER SET utf8; CREATE DATABASE neutron CHARACTER SET utf8"
        ask = ("mariadb", "--no-defaults", f"--socket={server}", "-uroot", "-e")
        self.wait(lambda: self._run(*ask, make), 60, "MariaDB answering")

    def _start_rabbitmq(self) -> None:
        folder, ports = self.state / "rabbit", self.ports
        (folder / "enabled_plugins").touch()
        # Erlang's port mapper as our own child: RabbitMQ would leave behind one that outlives it.
        self._daemon("epmd", "epmd", "-address", "127.0.0.1", "-port", str(ports.epmd))
        self.wait(lambda: _answers(ports.epmd), 10, "epmd answering")
        server = next(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
        environment = {
            "HOME": str(folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(ports.epmd),
            "RABBITMQ_NODENAME": f"story{ports.amqp}@localhost",
            "RABBITMQ_DIST_PORT": str(ports.erlang),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(self.state / "etc/rabbitmq.conf"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
        }
        self._daemon("rabbitmq", str(server), **environment)
        self.wait(lambda: _answers(ports.amqp), 90, "RabbitMQ answering")

    def _start_keystone(self) -> None:
        config, url = self.state / "etc/keystone.conf", self.rest.keystone
        manage = ("keystone-manage", "--config-file", str(config))
        owner = ("--keystone-user", "root", "--keystone-group", "root")
        self._run(*manage, "db_sync")
        self._run(*manage, "fernet_setup", *owner)
        self._run(*manage, "credential_setup", *owner)
        urls = (f"--bootstrap-{kind}-url={url}" for kind in ("public", "internal", "admin"))
        self._run(*manage, "bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id", "RegionOne", *urls)
        options = ("--master", "--processes", "2", "--http-socket", f"127.0.0.1:{self.ports.keystone}", "--need-app")
        served = ("--wsgi-file", "/usr/bin/keystone-wsgi-public", "--die-on-term", "--buffer-size", "65535")
        settings = {"OS_KEYSTONE_CONFIG_FILES": str(config)}
        self._daemon("keystone", "uwsgi_python3", *options, *served, "--add-header", "Connection: close", **settings)
        self.wait(lambda: httpx.get(url, trust_env=False).status_code == 200, 60, "Keystone answering")

    def _start_neutron(self) -> None:
        self._run("neutron-db-manage", *self._files("neutron.conf", "ml2.ini"), "upgrade", "heads")
        for program, *more in (
            ("neutron-server", "ml2.ini"),
            ("neutron-openvswitch-agent", "switch.ini", "ovs-agent.ini"),
            ("neutron-dhcp-agent", "switch.ini", "dhcp-agent.ini"),
            ("neutron-l3-agent", "switch.ini", "l3-agent.ini"),
        ):
            log = f"--log-file={self.state}/log/{program}.log"
            self._daemon(program, program, *self._files("neutron.conf", *more), log)
            if program == "neutron-server":
                self.wait(lambda: _answers(self.ports.neutron), 120, "Neutron answering")
        self.rest.login()
        self.wait(self._are_agents_there, 120, "three agents alive")

    def _are_agents_there(self) -> bool:
        return {one["binary"] for one in self.rest.listed("agents") if one["alive"]} >= _AGENTS

    def _is_wired(self) -> bool:
        ports, routers = self.rest.listed("ports"), self.rest.listed("routers")
        names = [f"qdhcp-{one['id']}" for one in self.rest.listed("networks")]
        names += [f"qrouter-{one['id']}" for one in routers]
        (self.state / "ours").write_text("\n".join(names))
        owners = {one["device_owner"] for one in ports if one["status"] == "ACTIVE"}
        return owners >= {"network:dhcp", "network:router_interface", "network:router_gateway"}

    def _files(self, *names: str) -> list[str]:
        found = [part for name in names for part in ("--config-file", str(self.state / "etc" / name))]
        return [*found, "--config-dir", str(self.state / "etc/empty")]

    def _daemon(self, name: str, *command: str, **environment: str) -> None:
        with (self.state / f"log/{name}.out").open("ab") as log:
            self._children[name] = subprocess.Popen(
                command,
                env={**_ENVIRONMENT, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _run(self, *command: str) -> bool:
        with (self.state / "log/runs.out").open("ab") as log:
            subprocess.run(command, env=_ENVIRONMENT, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return True

    def _end(self, child: "subprocess.Popen[bytes]") -> None:
        """End a child and its process group, if need be after ten seconds by force."""
        _kill(-child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(10)
        _kill(-child.pid, signal.SIGKILL)
        child.wait()

    def _of_ours(self) -> list[int]:
        """Return processes that name our folder in their command line: dnsmasq, privileged helpers."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if f"{self.state}/".encode() in entry.read_bytes() and int(entry.parent.name) != os.getpid():
                    found.append(int(entry.parent.name))
            except OSError:
                continue
        return [pid for pid in found if "ovs" not in _name(pid)]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _kill(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if pid > 0:
            os.kill(pid, number)
        else:
            os.killpg(-pid, number)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""
