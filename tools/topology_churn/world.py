# SPDX-License-Identifier: Apache-2.0
"""What there is on the host, and one random change of it at a time.

Every change is a command that the real tool runs, without leave of the event loop: so the kernel's messages come in
bursts, as they do on a busy host, and do not fit a small receive buffer.
"""

import json
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from docker_fixture import BUSYBOX, PrivateDocker
from ovs_fixture import PrivateOvs
from topology_churn.compare import RENAMED
from topology_churn.engine import Engine

MOST = {"namespaces": 12, "links": 40, "bridges": 4, "ports": 12, "containers": 4, "holders": 3}
"""Objects of each sort at most, so that creation and deletion balance."""

KEPT_OF_BURST = 6
"""Pairs that stay of those that are made at once."""


class World:
    """Objects by sort; `change` makes or removes one. All of it is in the calling thread's network namespace."""

    def __init__(self, directory: Path, ovs: PrivateOvs, docker: PrivateDocker, seed: int) -> None:
        self.netns_directory = directory / "netns"
        self.netns_directory.mkdir()
        self.runc_root = directory / "runc"
        self._bundle = directory / "bundle"
        self._ovs = ovs
        self._random = random.Random(seed)
        self.engine = Engine(docker, self._random)
        self._number = 0
        self._namespaces: list[str] = []
        self._links: dict[str, str] = {}
        self._bridges: list[str] = []
        self._ports: list[str] = []
        self._containers: list[str] = []
        self._holders: list[subprocess.Popen[bytes]] = []
        self.done: dict[str, int] = {}
        """How often each sort of change was made."""

    def start(self) -> None:
        """Make what is there all the time: a switch, and the bundle that containers are made of."""
        self._ovs.add_bridge("churn0")
        (self._bundle / "rootfs/bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, self._bundle / "rootfs/bin/sleep")
        _run("runc", "spec", "--bundle", str(self._bundle))
        file = self._bundle / "config.json"
        config = json.loads(file.read_text())
        config["process"] |= {"terminal": False, "args": ["/bin/sleep", "600"], "rlimits": []}
        file.write_text(json.dumps(config))

    def change(self) -> None:
        """Change one thing, whichever."""
        changes: list[Callable[[], bool]] = [
            *(self._make_namespace, self._drop_namespace, self._hold_namespace, self._let_go),
            *(self._make_veth, self._make_veth, self._make_other_link, self._drop_link, self._drop_link),
            *(self._rename, self._set_state, self._set_state, self._address, self._address, self._move, self._mtu),
            *(self._make_bridge, self._drop_bridge, self._enslave, self._enslave, self._release),
            *(self._make_port, self._drop_port, self._label_port, self._route, self._neighbour),
            *(self._make_container, self._end_container),
            *(self._run_docker, self._remove_docker, self._pause_docker, self._rename_docker),
        ]
        change = self._random.choice(changes)
        if change():
            name = change.__name__.lstrip("_")
            self.done[name] = self.done.get(name, 0) + 1

    def burst(self) -> None:
        """Make and remove many links at once: more messages than a small receive buffer holds."""
        names = [self._name("x") for _ in range(60)]
        lines = [f"link add {one} type veth peer name {one}p" for one in names]
        self._batch([*lines, *(f"link set {one} up" for one in names)])
        for one in names[:KEPT_OF_BURST]:
            self._links[one] = ""
            self._links[f"{one}p"] = ""
        self._batch([f"link del {one}" for one in names[KEPT_OF_BURST:]])
        self.done["burst"] = self.done.get("burst", 0) + 1

    def clear(self) -> None:
        """Remove everything but the switch."""
        self.engine.clear()
        while self._containers:
            self._end_container()
        while self._holders:
            self._let_go()
        while self._ports:
            self._drop_port()
        for one in list(self._links):
            self._delete(one)
        while self._bridges:
            self._drop_bridge()
        while self._namespaces:
            self._drop_namespace()

    # Namespaces

    def _make_namespace(self) -> bool:
        if len(self._namespaces) >= MOST["namespaces"]:
            return self._drop_namespace()
        name = self._name("n")
        path = self.netns_directory / name
        path.touch()
        _run("unshare", f"--net={path}", "true")
        self._namespaces.append(name)
        return True

    def _drop_namespace(self) -> bool:
        name = self._pop(self._namespaces)
        if not name:
            return False
        path = self.netns_directory / name
        for link in [link for link, where in self._links.items() if where == name]:
            del self._links[link]
        _run("umount", str(path))
        path.unlink()
        return True

    def _hold_namespace(self) -> bool:
        """A namespace without a file, which only a process holds."""
        if len(self._holders) >= MOST["holders"]:
            return self._let_go()
        null = subprocess.DEVNULL
        self._holders.append(subprocess.Popen(["unshare", "-n", "sleep", "600"], stdin=null, stdout=null, stderr=null))
        return True

    def _let_go(self) -> bool:
        if not self._holders:
            return False
        holder = self._holders.pop(self._random.randrange(len(self._holders)))
        holder.kill()
        holder.wait()
        return True

    # Links

    def _make_veth(self) -> bool:
        if len(self._links) >= MOST["links"]:
            return self._drop_link()
        one, other = self._name("v"), self._name("v")
        where = self._where()
        place = ["netns", self._path(where)] if where else []
        _run("ip", "link", "add", one, "type", "veth", "peer", "name", other, *place)
        self._links |= {one: "", other: where}
        return True

    def _make_other_link(self) -> bool:
        """A link above another one, or none at all."""
        lower = self._link(of="")
        if not lower:
            return False
        name = self._name("o")
        kinds = [
            ["link", lower, "type", "macvlan", "mode", "bridge"],
            ["type", "vxlan", "id", str(self._number), "remote", "192.0.2.1", "dev", lower, "dstport", "4789"],
            ["link", lower, "type", "macvtap", "mode", "vepa"],
            ["type", "ifb"],
        ]
        if not _try("ip", "link", "add", name, *self._random.choice(kinds)):
            return False
        self._links[name] = ""
        return True

    def _drop_link(self) -> bool:
        link = self._link()
        return bool(link) and self._delete(link)

    def _delete(self, link: str) -> bool:
        where = self._links.pop(link, "")
        return _try(*self._ip(where), "link", "del", link)

    def _rename(self) -> bool:
        link = self._link()
        if not link:
            return False
        where, new = self._links[link], self._name(RENAMED)
        _try(*self._ip(where), "link", "set", link, "down")
        if not _try(*self._ip(where), "link", "set", link, "name", new):
            return False
        del self._links[link]
        self._links[new] = where
        return True

    def _set_state(self) -> bool:
        link = self._link()
        return bool(link) and _try(
            *self._ip(self._links[link]), "link", "set", link, self._random.choice(["up", "down"])
        )

    def _mtu(self) -> bool:
        link = self._link()
        size = str(self._random.randrange(1280, 1500))
        return bool(link) and _try(*self._ip(self._links[link]), "link", "set", link, "mtu", size)

    def _move(self) -> bool:
        """Move a link to another namespace, where it may come down and lose its addresses."""
        link = self._link(of="")
        where = self._where()
        if not link or not where or not _try("ip", "link", "set", link, "netns", self._path(where)):
            return False
        self._links[link] = where
        return True

    def _address(self) -> bool:
        link = self._link()
        if not link:
            return False
        verb = self._random.choice(["add", "add", "flush"])
        prefix = [] if verb == "flush" else [f"10.{self._random.randrange(200)}.{self._random.randrange(200)}.1/24"]
        return _try(*self._ip(self._links[link]), "addr", verb, *prefix, "dev", link)

    def _route(self) -> bool:
        link = self._link()
        if not link:
            return False
        prefix = f"198.18.{self._random.randrange(200)}.0/24"
        verb = self._random.choice(["add", "replace", "del"])
        return _try(*self._ip(self._links[link]), "route", verb, prefix, "dev", link)

    def _neighbour(self) -> bool:
        link = self._link()
        if not link:
            return False
        address = f"10.9.9.{self._random.randrange(1, 250)}"
        verb = [] if self._random.random() < 0.3 else ["lladdr", "02:00:00:00:00:07", "nud", "permanent"]
        return _try(*self._ip(self._links[link]), "neigh", "replace" if verb else "del", address, *verb, "dev", link)

    # Bridges and switch ports

    def _make_bridge(self) -> bool:
        if len(self._bridges) >= MOST["bridges"]:
            return self._drop_bridge()
        name = self._name("b")
        _run("ip", "link", "add", name, "type", "bridge")
        self._bridges.append(name)
        return True

    def _drop_bridge(self) -> bool:
        name = self._pop(self._bridges)
        return bool(name) and _try("ip", "link", "del", name)

    def _enslave(self) -> bool:
        link = self._link(of="")
        if not link or not self._bridges:
            return False
        return _try("ip", "link", "set", link, "master", self._random.choice(self._bridges))

    def _release(self) -> bool:
        link = self._link(of="")
        return bool(link) and _try("ip", "link", "set", link, "nomaster")

    def _make_port(self) -> bool:
        if len(self._ports) >= MOST["ports"]:
            return self._drop_port()
        link = self._link(of="") if self._random.random() < 0.5 else ""
        name, options = link or self._name("p"), [] if link else ["type=internal"]
        if name in self._ports:
            return False
        self._ovs.vsctl(
            "add-port", "churn0", name, "--", "set", "Interface", name, f"external_ids:vm-id={name}", *options
        )
        self._ports.append(name)
        return True

    def _drop_port(self) -> bool:
        name = self._pop(self._ports)
        if not name:
            return False
        self._ovs.vsctl("--if-exists", "del-port", name)
        return True

    def _label_port(self) -> bool:
        if not self._ports:
            return False
        port = self._random.choice(self._ports)
        what = self._random.choice(
            [
                ["remove", "Interface", port, "external_ids", "vm-id"],
                ["set", "Interface", port, f"external_ids:vm-id=again-{self._number}"],
                ["set", "Port", port, f"tag={self._random.randrange(1, 4000)}"],
                ["clear", "Port", port, "tag"],
            ]
        )
        self._ovs.vsctl(*what)
        return True

    # Containers

    def _make_container(self) -> bool:
        if len(self._containers) >= MOST["containers"]:
            return self._end_container()
        name = self._name("c")
        _run("runc", "--root", str(self.runc_root), "run", "--detach", "--bundle", str(self._bundle), name)
        self._containers.append(name)
        return True

    def _end_container(self) -> bool:
        name = self._pop(self._containers)
        if not name:
            return False
        _run("runc", "--root", str(self.runc_root), "delete", "--force", name)
        return True

    def _run_docker(self) -> bool:
        return self.engine.make()

    def _remove_docker(self) -> bool:
        return self.engine.end()

    def _pause_docker(self) -> bool:
        return self.engine.pause()

    def _rename_docker(self) -> bool:
        return self.engine.rename()

    # Faults

    def kill_server(self) -> None:
        """Let the switch's database die, and change things while nobody tells of it."""
        self._ovs.stop_server(signal.SIGKILL)

    def change_behind_the_servers_back(self) -> None:
        """Remove and rename devices of ports while no database says anything of them."""
        for port in [port for port in self._ports if port in self._links][:2]:
            self._delete(port)
        self._rename()

    def restart_server(self) -> None:
        self._ovs.start_server()

    def _batch(self, lines: list[str]) -> None:
        subprocess.run(
            ["ip", "-force", "-batch", "-"], input="\n".join(lines).encode(), check=False, capture_output=True
        )

    def _name(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number}"

    def _pop(self, names: list[str]) -> str:
        return names.pop(self._random.randrange(len(names))) if names else ""

    def _where(self) -> str:
        return self._random.choice(["", *self._namespaces])

    def _path(self, namespace: str) -> str:
        return str(self.netns_directory / namespace)

    def _ip(self, where: str) -> list[str]:
        return ["nsenter", f"--net={self._path(where)}", "ip"] if where else ["ip"]

    def _link(self, of: str | None = None) -> str:
        """Return a link of a namespace, or of any; "" when there is none."""
        names = [link for link, where in self._links.items() if of is None or where == of]
        return self._random.choice(names) if names else ""


def _run(*command: str) -> None:
    # No pipes: a container's process would keep them open.
    null = subprocess.DEVNULL
    done = subprocess.run(command, stdin=null, stdout=null, stderr=null, check=False, env=os.environ)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}")


def _try(*command: str) -> bool:
    """Run what may be refused: the other end is gone, the name is taken, nothing is there to delete."""
    null = subprocess.DEVNULL
    return subprocess.run(command, stdin=null, stdout=null, stderr=null, check=False).returncode == 0
