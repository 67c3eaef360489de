# SPDX-License-Identifier: Apache-2.0
"""A machine's /sys, /proc and /run with block devices, laid out as the kernel and udev do."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType


class Machine:
    """Files under a directory of the test's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._mounts: list[str] = []
        for folder in ("sys/class/block", "sys/devices", "run/udev/data", "proc/1"):
            (root / folder).mkdir(parents=True)

    def device(
        self,
        kname: str,
        number: str,
        files: Mapping[str, str] = MappingProxyType({}),
        *,
        size: int = 2048,
        on: str = "",
    ) -> None:
        """Add a device, or a partition of the disk `on`, with these files of its own."""
        folder = self.root / "sys/devices" / on / kname
        folder.mkdir(parents=True)
        written = {"dev": number, "size": str(size), **files, **({"partition": "1"} if on else {})}
        for name, text in written.items():
            self.write(folder / name, f"{text}\n")
        (self.root / "sys/class/block" / kname).symlink_to(folder)

    def stands_on(self, upper: str, *lower: str) -> None:
        for each in lower:
            self.write(self.root / "sys/devices" / upper / "slaves" / each, "")

    def gone(self, kname: str) -> None:
        (self.root / "sys/class/block" / kname).unlink()

    def udev(self, number: str, **properties: str) -> None:
        lines = ["S:disk/by-id/x", "I:123", *(f"E:{key}={value}" for key, value in properties.items())]
        self.write(self.root / "run/udev/data" / f"b{number}", "\n".join(lines) + "\n")

    def mount(self, number: str, place: str, part: str = "/") -> None:
        self._mounts.append(f"{len(self._mounts) + 20} 1 {number} {part} {place} rw,relatime - ext4 /dev/x rw\n")
        self.write(self.root / "proc/1/mountinfo", "".join(self._mounts))

    def counts(self, text: str) -> None:
        self.write(self.root / "proc/diskstats", text)

    @staticmethod
    def write(file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
