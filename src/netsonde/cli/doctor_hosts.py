# SPDX-License-Identifier: Apache-2.0
"""What `netsonde doctor` says of each process of an installation, from what hosts report with their heartbeats."""

from collections.abc import Iterator, Sequence
from typing import Final

from netsonde import __version__
from netsonde.cli.doctor_checks import Finding, Verdict
from netsonde.client.answers import Component, Process
from netsonde.observe.abilities import FOR_CAPTURES

_CLOUD: Final = "openstack."
"""How the parts of an analyzer begin that stand for clouds."""
_MOST_SKEW_MS: Final = 2000
"""Beyond it events and flows of two hosts are shown in the wrong order."""


def check_hosts(processes: Sequence[Process]) -> Iterator[Finding]:
    """Check every agent and analyzer on the bus: version, clock, what it can do, parts that have failed."""
    if not any(one.service == "agent" for one in processes):
        yield Finding("agents", "bad", "no agent has reported", "start one on each host: `netsonde agent`")
    for one in processes:
        yield from check_process(one)


def check_process(one: Process) -> Iterator[Finding]:
    name = f"{one.service} {one.host}"
    if one.version == __version__:
        yield Finding(name, "good", ", ".join(filter(None, (f"version {one.version}", one.kernel))))
    else:
        text = f"version {one.version}, this program {__version__}"
        yield Finding(name, "limited", text, "install the same everywhere")
    yield check_skew(name, one.clock_ahead)
    if one.abilities:
        able = ", ".join(can.name for can in one.abilities if can.able)
        yield Finding(f"{name} can", "good", able or "nothing that is looked for")
    for can in one.abilities:
        if not can.able:
            verdict: Verdict = "bad" if can.name in FOR_CAPTURES else "limited"
            advice = f"run the agent as root, or grant it; needed for {can.purpose}"
            yield Finding(f"{name} {can.name}", verdict, can.reason, advice)
    for part, state in one.probes.items():
        if part.startswith(_CLOUD):
            yield check_cloud(f"{name} {part}", state)
        elif state.state == "failed":
            yield Finding(f"{name} {part}", "limited", state.reason, "docs/howto/troubleshoot.md")


def check_cloud(name: str, state: Component) -> Finding:
    """Tell whether an OpenStack cloud is read, and what it does not show."""
    ports = state.counters.get("ports")
    found = state.reason or (f"{ports} ports" if ports is not None else state.state)
    if state.state == "running" and (not state.reason or ports is None):
        return Finding(name, "good", found)
    return Finding(name, "limited", found, "docs/howto/connect-to-openstack.md")


def check_skew(name: str, ahead_ms: int | None) -> Finding:
    """Judge the clock of a host by the analyzer's; ms, None = it has not said."""
    if ahead_ms is None:
        return Finding(f"{name} clock", "limited", "not known yet", "ask again in some seconds")
    if abs(ahead_ms) <= _MOST_SKEW_MS:
        return Finding(f"{name} clock", "good", f"within {_MOST_SKEW_MS // 1000} s of the analyzer's")
    side = "ahead of" if ahead_ms > 0 else "behind"
    advice = "run chrony or another NTP client there; until then its events are shown at wrong times"
    return Finding(f"{name} clock", "bad", f"{abs(ahead_ms) / 1000:.1f} s {side} the analyzer's", advice)
