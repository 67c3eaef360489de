# SPDX-License-Identifier: Apache-2.0
"""Loaded by schemathesis: how bodies that are files are written."""

from typing import Any

import schemathesis  # type: ignore[import-not-found]


@schemathesis.serializer("application/vnd.tcpdump.pcap", "application/x-pcapng", "application/gzip")  # type: ignore[untyped-decorator]
def as_it_is(context: Any, value: Any) -> bytes:
    data = getattr(value, "data", value)
    return data if isinstance(data, bytes) else str(data).encode(errors="surrogatepass")
