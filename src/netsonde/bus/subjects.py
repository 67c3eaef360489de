# SPDX-License-Identifier: Apache-2.0
"""Names on the bus: subjects, streams and buckets, and the encoding of host names and keys in them."""

import re
from dataclasses import dataclass
from typing import Any, Literal

ReportKind = Literal["topology", "flows", "metrics", "packets"]

PREFIX = "netsonde"
STORE = "netsonde.store"
"""What agents with certificates say instead of `$JS.API`; see `permissions.py`."""
MAX_PAYLOAD = 8 * 1024 * 1024
"""Bytes of one message that a private server takes."""
REPORT_BYTES = 768 * 1024
"""Bytes that reports are cut to: a NATS server that was left as it comes takes 1 MiB."""

_MIB = 1024 * 1024
_HOUR_NS = 3600 * 1_000_000_000
_DUPLICATES_NS = _HOUR_NS // 6
"""How long the server remembers message ids. A report sent twice within it is stored once; rows of history are
idempotent besides, so an older duplicate does no harm."""

_UNSAFE_TOKEN = re.compile(r"[^A-Za-z0-9_-]")
_UNSAFE_KEY = re.compile(r"[^A-Za-z0-9_.-]|^\.|\.$|(?<=\.)\.")
_ESCAPED = re.compile(r"(?:=[0-9A-F]{2})+")


def token(text: str) -> str:
    """Encode a host name as one token of a subject (dots would split it); `text_of` reverses it."""
    return _UNSAFE_TOKEN.sub(_escape, text)


def key_token(text: str) -> str:
    """Encode a key of a bucket; dots stay, so that `*.host` can be watched."""
    return _UNSAFE_KEY.sub(_escape, text)


def text_of(encoded: str) -> str:
    """Reverse `token` and `key_token`."""
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[0].replace("=", "")).decode(errors="replace"), encoded)


def _escape(found: "re.Match[str]") -> str:
    return "".join(f"={byte:02X}" for byte in found[0].encode())


def report_subject(kind: ReportKind, host: str) -> str:
    return f"{PREFIX}.{kind}.{token(host)}"


def call_subject(host: str, verb: str) -> str:
    return f"{PREFIX}.agent.{token(host)}.{verb}"


def host_of(subject: str) -> str:
    """Return the host of a report's subject."""
    return text_of(subject.rpartition(".")[2])


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """How a stream of reports is stored.

    A work queue refuses new messages when it is full: then the agents' spools fill and drop their oldest, which
    they count. A stream that dropped its own oldest would do so in silence.
    """

    kind: ReportKind
    retention: Literal["limits", "workqueue"]
    discard: Literal["old", "new"]
    max_bytes: int
    max_age_ns: int = 0

    @property
    def name(self) -> str:
        return f"NETSONDE_{self.kind.upper()}"

    @property
    def subjects(self) -> str:
        return f"{PREFIX}.{self.kind}.*"

    def config(self) -> dict[str, Any]:
        """Return the configuration in the words of the JetStream API."""
        return {
            "name": self.name,
            "subjects": [self.subjects],
            "retention": self.retention,
            "discard": self.discard,
            "storage": "file",
            "max_bytes": self.max_bytes,
            "max_age": self.max_age_ns,
            "duplicate_window": _DUPLICATES_NS,
            "num_replicas": 1,
            "allow_direct": True,
        }


STREAMS: dict[ReportKind, StreamPlan] = {
    "topology": StreamPlan("topology", "limits", "old", 1024 * _MIB, 24 * _HOUR_NS),
    "flows": StreamPlan("flows", "workqueue", "new", 2048 * _MIB),
    "metrics": StreamPlan("metrics", "workqueue", "new", 512 * _MIB),
    "packets": StreamPlan("packets", "workqueue", "new", 1024 * _MIB),
}
