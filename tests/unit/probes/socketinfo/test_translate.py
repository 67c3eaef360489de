# SPDX-License-Identifier: Apache-2.0
"""Sockets as metadata: what is shown first, what is left out, and that every key is listed."""

from netsonde.probes.socketinfo.diag import Socket
from netsonde.probes.socketinfo.holders import Process
from netsonde.probes.socketinfo.translate import socket_metadata
from netsonde.schema import unlisted

WEB = Process(7, "nginx", "/usr/sbin/nginx", "/system.slice/nginx.service")


def sock(inode: int, state: int = 1, protocol: str = "TCP", remote: int = 40000, ifindex: int = 0) -> Socket:
    return Socket(protocol, state, "192.0.2.1", 80, "192.0.2.9", remote, ifindex, 33, inode)


def test_entry_has_the_references_keys_and_user_and_group() -> None:
    metadata = socket_metadata([sock(5, ifindex=3)], {5: WEB}, 10)
    assert metadata == {
        "Sockets": [
            {
                "Process": "/usr/sbin/nginx",
                "Pid": 7,
                "Name": "nginx",
                "Cgroup": "/system.slice/nginx.service",
                "LocalAddress": "192.0.2.1",
                "LocalPort": 80,
                "RemoteAddress": "192.0.2.9",
                "RemotePort": 40000,
                "Protocol": "TCP",
                "State": "ESTABLISHED",
                "UID": 33,
                "IfIndex": 3,
            }
        ]
    }
    assert unlisted({"Type": "host", "Name": "h1", **metadata}) == []


def test_kernels_own_socket_has_no_process() -> None:
    (entry,) = socket_metadata([sock(5, state=7, protocol="UDP", remote=0)], {}, 10)["Sockets"]  # type: ignore[misc, str-unpack]
    assert isinstance(entry, dict)
    assert (entry["State"], entry["Protocol"], "Pid" in entry) == ("CLOSE", "UDP", False)


def test_limit_keeps_listening_sockets_then_the_oldest_and_counts_the_rest() -> None:
    some = [sock(1), sock(2, remote=40002), sock(3, state=10, remote=0), sock(4, state=7, protocol="UDP", remote=0)]
    metadata = socket_metadata(reversed(some), {}, 3)
    shown = metadata["Sockets"]
    assert isinstance(shown, list)
    assert [each["State"] for each in shown if isinstance(each, dict)] == ["LISTEN", "CLOSE", "ESTABLISHED"]
    assert shown[2]["RemotePort"] == 40000  # type: ignore[index, call-overload]
    assert metadata["SocketsOmitted"] == 1


def test_no_sockets_are_no_keys() -> None:
    assert socket_metadata([], {}, 10) == {}
