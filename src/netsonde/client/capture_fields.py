# SPDX-License-Identifier: Apache-2.0
"""Fields of a capture that a client may set, by the names of `netsonde.model.captures.Capture`; a test compares."""

from collections.abc import Callable, Mapping
from typing import TypedDict

from netsonde.client.fields import wire_names
from netsonde.errors import NotFound, UserError
from netsonde.model.captures import Capture, CaptureChange, CaptureState, CaptureView, Sink


class CaptureFields(TypedDict, total=False):
    """`Capture` says what each means; what is not given keeps its default, or its value."""

    name: str
    description: str
    bpf_filter: str
    type: str
    port: int
    sampling_rate: int
    polling_interval: int
    raw_packet_limit: int
    header_size: int
    extra_tcp_metric: bool
    ip_defrag: bool
    reassemble_tcp: bool
    layer_key_mode: str
    extra_layers: int
    target: str
    target_type: str
    paused: bool
    stop_on_unmatch: bool
    unmatch_grace_ms: int
    first_packets: int
    max_packets: int
    max_bytes: int
    max_duration_ms: int
    sinks: list[Sink]


class CaptureUpdate(CaptureFields, total=False):
    """What can be changed of a capture."""

    gremlin_query: str


def wire_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Return fields under the names that they have in JSON; raises TypeError for an unknown one."""
    return wire_names(fields, Capture, "capture")


def waiter(uuid: str, states: tuple[CaptureState, ...]) -> Callable[[CaptureView | CaptureChange], CaptureView | None]:
    """Return what looks at news of captures until one is in one of the states; the view then, else None.

    Raises NotFound when the capture is deleted, UserError when it failed and that is not what is waited for.
    """

    def look(news: CaptureView | CaptureChange) -> CaptureView | None:
        view = news.view if isinstance(news, CaptureChange) else news
        if view.uuid != uuid:
            return None
        if isinstance(news, CaptureChange) and news.kind == "Deleted":
            raise NotFound(f"the capture {view.name or uuid} was deleted")
        state = view.status.state if view.status else "waiting"
        if state in states:
            return view
        if state in ("failed", "finished"):
            reason = view.status.reason if view.status else ""
            raise UserError(f"the capture {view.name or uuid} is {state}: {reason or 'no reason is given'}")
        return None

    return look
