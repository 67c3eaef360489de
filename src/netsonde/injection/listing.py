# SPDX-License-Identifier: Apache-2.0
"""The list of injections: how one is shown, and how long it stays after its end, by age and by number."""

from collections.abc import Iterable

import msgspec

from netsonde.injection.settings import InjectSettings
from netsonde.model.injections import ENDED, Injection, InjectionStatus, InjectionView


def view_of(injection: Injection, status: InjectionStatus | None) -> InjectionView:
    """Return an injection as it is listed and told of, every second while it runs: without its file of megabytes."""
    fields = {field.name: getattr(injection, field.name) for field in msgspec.structs.fields(Injection)}
    return InjectionView(**{**fields, "pcap": None}, status=status)


def is_over(injection: Injection, status: InjectionStatus, settings: InjectSettings, now_ms: int) -> bool:
    """Tell whether an injection that has ended has been listed for long enough."""
    return _leaves_at(injection, status, settings) <= now_ms


def surplus(listed: Iterable[tuple[Injection, InjectionStatus | None]], settings: InjectSettings) -> list[str]:
    """Return which ended injections (UUIDs) are too many: those whose time would be over first."""
    ended = [
        (_leaves_at(injection, status, settings), injection.uuid)
        for injection, status in listed
        if status is not None and status.state in ENDED
    ]
    beyond = len(ended) - settings.max_listed
    return [uuid for _, uuid in sorted(ended)[:beyond]] if beyond > 0 else []


def _leaves_at(injection: Injection, status: InjectionStatus, settings: InjectSettings) -> int:
    """Return when the time of an ended injection is over, in Unix ms."""
    return injection.expires_at or status.at + int(settings.keep * 1000)
