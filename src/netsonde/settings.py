# SPDX-License-Identifier: Apache-2.0
"""All settings of a process: one section a component, each declared next to its component."""

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from netsonde.access.settings import AccessSettings
from netsonde.alerts.settings import AlertSettings
from netsonde.api.settings import ApiSettings
from netsonde.bus.settings import BusSettings
from netsonde.captures.settings import CaptureSettings
from netsonde.checks.settings import CheckSettings
from netsonde.declared.settings import DeclaredSettings
from netsonde.errors import UserError
from netsonde.history.settings import HistorySettings
from netsonde.injection.settings import InjectSettings
from netsonde.notify.settings import NotifySettings
from netsonde.openstack.settings import OpenStackSettings
from netsonde.probes.settings import ProbeSettings
from netsonde.workflows.settings import WorkflowSettings


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged to stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important records shown."""
    form: Literal["auto", "text", "json"] = "auto"
    """text for people (auto: coloured on a terminal), json for programs: one object a line."""


def _default_state_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/netsonde")
    return Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "netsonde"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of agent, analyzer and all-in-one; each reads the sections of its components."""

    host_id: str = field(default_factory=socket.gethostname, metadata={"shown": "the host's name"})
    """Name of this host in the graph, unique among all hosts that share a bus."""
    state_dir: Path = field(default_factory=_default_state_dir, metadata={"shown": "/var/lib/netsonde"})
    """Directory of everything that outlives the process: history, bus, spools. Readable by its owner only;
    without root the default is ~/.local/state/netsonde."""
    log: LogSettings = field(default_factory=LogSettings)
    bus: BusSettings = field(default_factory=BusSettings)
    analyzer: ApiSettings = field(default_factory=ApiSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    capture: CaptureSettings = field(default_factory=CaptureSettings)
    check: CheckSettings = field(default_factory=CheckSettings)
    alert: AlertSettings = field(default_factory=AlertSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    inject: InjectSettings = field(default_factory=InjectSettings)
    workflow: WorkflowSettings = field(default_factory=WorkflowSettings)
    declared: DeclaredSettings = field(default_factory=DeclaredSettings)
    openstack: OpenStackSettings = field(default_factory=OpenStackSettings)
    probes: ProbeSettings = field(default_factory=ProbeSettings)

    def __post_init__(self) -> None:
        if not self.host_id.strip():
            raise ValueError("host_id must not be empty")

    def make_state_dir(self) -> None:
        """Make the state directory; raises UserError when it cannot be written."""
        try:
            self.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as failed:
            raise UserError(
                f"cannot make the state directory {self.state_dir}: {failed.strerror}",
                hint="choose another with --state-dir",
            ) from failed
        if not os.access(self.state_dir, os.W_OK | os.X_OK):
            raise UserError(
                f"cannot write to the state directory {self.state_dir}", hint="choose another with --state-dir"
            )
