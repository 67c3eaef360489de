# SPDX-License-Identifier: Apache-2.0
"""How long an event of the kernel takes to a subscriber's socket, through agent, bus and analyzer.

The peer in the same run is the kernel's own notification: an rtnetlink socket in this process, listening at the same
time. Limit: 100 ms at the 99th percentile on an idle machine. Needs root.

usage: python bench/event_latency.py [EVENTS]    (default 200)
"""

import asyncio
import json
import secrets
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import websockets

from system.stack import Stack

LIMIT_MS = 100.0
PACE = 0.05
"""Seconds between two events, so that each is measured alone."""
RTMGRP_LINK, RTM_NEWLINK, IFLA_ADDRESS = 1, 16, 1


def main(events: int) -> int:
    interface = f"lat{secrets.token_hex(3)}"
    subprocess.run(["ip", "link", "add", interface, "type", "veth", "peer", "name", f"{interface}p"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "state").start(60)
        try:
            ours, kernel = asyncio.run(measure(stack, interface, events))
        finally:
            stack.stop()
            subprocess.run(["ip", "link", "del", interface], check=False)
    report("kernel's own netlink message", kernel)
    report("subscriber of /ws/subscriber", ours)
    share = percentile(ours, 99) / LIMIT_MS
    print(f"p99 of the subscriber / limit of {LIMIT_MS:g} ms = {share:.2f}")
    return 0 if share <= 1 else 1


async def measure(stack: Stack, interface: str, events: int) -> tuple[list[float], list[float]]:
    """Change the interface's MAC address again and again; return both delays of each change in ms."""
    url = f"ws://127.0.0.1:{stack.port}/ws/subscriber?x-client-type=bench"
    seen: dict[str, float] = {}
    news = asyncio.Event()

    async def listen(client: websockets.ClientConnection) -> None:
        async for message in client:
            body = json.loads(message)
            if body["Type"] in ("NodeUpdated", "NodeAdded") and body["Obj"]["Metadata"].get("Name") == interface:
                seen.setdefault(body["Obj"]["Metadata"].get("MAC", ""), time.perf_counter())
                news.set()

    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    netlink.bind((0, RTMGRP_LINK))
    netlink.setblocking(False)
    ours, kernel = [], []
    async with websockets.connect(url, max_size=None) as client, asyncio.TaskGroup() as group:
        listener = group.create_task(listen(client))
        for number in range(events):
            mac = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
            wanted = bytes.fromhex(mac.replace(":", ""))
            began = time.perf_counter()
            heard = asyncio.get_running_loop().create_task(hear(netlink, wanted))
            changing = await asyncio.create_subprocess_exec("ip", "link", "set", interface, "address", mac)
            kernel_at = await heard
            await changing.wait()
            while mac not in seen:
                news.clear()
                await asyncio.wait_for(news.wait(), 10)
            ours.append((seen[mac] - kernel_at) * 1000)
            kernel.append((kernel_at - began) * 1000)
            await asyncio.sleep(PACE)
        listener.cancel()
    netlink.close()
    return ours, kernel


async def hear(netlink: socket.socket, mac: bytes) -> float:
    """Return when the kernel said that a link has this address."""
    loop = asyncio.get_running_loop()
    attribute = struct.pack("=HH", 4 + len(mac), IFLA_ADDRESS) + mac
    while attribute not in await loop.sock_recv(netlink, 65536):
        pass
    return time.perf_counter()


def report(what: str, delays: list[float]) -> None:
    middle, high = statistics.median(delays), percentile(delays, 99)
    print(f"{what}: p50 {middle:.1f} ms, p99 {high:.1f} ms, most {max(delays):.1f} ms ({len(delays)} events)")


def percentile(values: list[float], share: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)]


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
