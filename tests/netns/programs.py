# SPDX-License-Identifier: Apache-2.0
"""eBPF programs that do nothing, loaded and attached by bpf(2); struct names and numbers of linux/bpf.h."""

import ctypes
import os
import platform
import struct

import pytest

from netsonde.probes.bpf.kernel import SYS_BPF

SCHED_CLS, XDP = 3, 6
"""Types of programs."""
TCX_INGRESS, TCX_EGRESS, ON_XDP = 46, 47, 37
"""Places to attach them to."""
_PROG_LOAD, _PROG_ATTACH, _PROG_DETACH, _LINK_CREATE = 5, 8, 9, 28
RETURN_OK = struct.pack("=BBhi", 0xB7, 0, 0, 0) + struct.pack("=BBhi", 0x95, 0, 0, 0)
"""r0 = 0; exit: `TC_ACT_OK`."""
RETURN_PASS = struct.pack("=BBhi", 0xB7, 0, 0, 2) + struct.pack("=BBhi", 0x95, 0, 0, 0)
"""r0 = 2; exit: `XDP_PASS`."""


def load(kind: int, name: str = "") -> int:
    """Return a descriptor of a program that lets everything pass; skips where the kernel loads none."""
    code = ctypes.create_string_buffer(RETURN_PASS if kind == XDP else RETURN_OK)
    licence = ctypes.create_string_buffer(b"GPL")
    fields = struct.pack("=IIQQ", kind, 2, ctypes.addressof(code), ctypes.addressof(licence))
    # log_level, log_size, log_buf, kern_version and prog_flags come before prog_name.
    try:
        return _bpf(_PROG_LOAD, fields + bytes(24) + name.encode().ljust(16, b"\0"))
    except OSError as refused:
        pytest.skip(f"this kernel loads no program: {refused.strerror}")


def link(program: int, ifindex: int, place: int) -> int:
    """Attach it by a link, which lasts until the descriptor is closed that is returned."""
    return _bpf(_LINK_CREATE, struct.pack("=III", program, ifindex, place))


def attach(program: int, ifindex: int, place: int) -> None:
    """Attach it without a link, so that it stays."""
    _bpf(_PROG_ATTACH, struct.pack("=III", ifindex, program, place))


def detach(program: int, ifindex: int, place: int) -> None:
    _bpf(_PROG_DETACH, struct.pack("=III", ifindex, program, place))


def _bpf(command: int, attributes: bytes) -> int:
    attributes = attributes.ljust(128, b"\0")
    libc = ctypes.CDLL(None, use_errno=True)
    done: int = libc.syscall(SYS_BPF[platform.machine()], command, attributes, len(attributes))
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done
