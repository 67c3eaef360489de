# SPDX-License-Identifier: Apache-2.0
"""What crun's state says of a container: its file `status`, and the `config.json` of the OCI bundle beside it. Pure.

Source: libcrun_container_status_t as libcrun/status.c writes it, crun 0.20 and later; the OCI runtime specification.
"""

import msgspec

from netsonde.errors import WireError
from netsonde.probes.runc.state import BUNDLE, Config, NamespaceOf, State

KINDS = {"network": "NEWNET"}
"""Namespaces of the specification by runc's words, as far as somebody asks for them."""


class Status(msgspec.Struct):
    pid: int
    start: int = msgspec.field(name="process-start-time", default=0)
    bundle: str = ""
    created: str = ""


class Linux(msgspec.Struct):
    namespaces: list[NamespaceOf] | None = None


class Bundle(msgspec.Struct):
    hostname: str = ""
    annotations: dict[str, str] | None = None
    linux: Linux | None = None


def read_crun(identity: str, status: bytes, config: bytes) -> State:
    """Return a container in runc's words; WireError when the files are none of crun's."""
    try:
        said = msgspec.json.decode(status, type=Status)
        bundle = msgspec.json.decode(config, type=Bundle)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as rubbish:
        raise WireError(f"no state of crun: {rubbish}") from rubbish
    namespaces = bundle.linux.namespaces if bundle.linux is not None else None
    return State(
        id=identity,
        init_process_pid=said.pid,
        init_process_start=said.start,
        created=said.created,
        config=Config(
            labels=[f"{key}={value}" for key, value in ((bundle.annotations or {}) | {BUNDLE: said.bundle}).items()],
            hostname=bundle.hostname,
            namespaces=[NamespaceOf(KINDS.get(one.type, ""), one.path) for one in namespaces or ()],
        ),
    )
