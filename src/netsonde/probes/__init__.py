# SPDX-License-Identifier: Apache-2.0
"""Probes: what the host's kernel and daemons say, written into the agent's graph."""

from netsonde.probes._api import Probe, ProbeContext, ProbeGraph
from netsonde.probes._registry import PROBES, build_probes
from netsonde.probes.identity import Identity, read_machine_id
from netsonde.probes.namespaces import (
    Namespace,
    NamespaceListener,
    NamespaceRegistry,
    raise_descriptor_limit,
)
from netsonde.probes.runner import ProbeRunner
from netsonde.probes.settings import ProbeSettings

__all__ = [
    "PROBES",
    "Identity",
    "Namespace",
    "NamespaceListener",
    "NamespaceRegistry",
    "Probe",
    "ProbeContext",
    "ProbeGraph",
    "ProbeRunner",
    "ProbeSettings",
    "build_probes",
    "raise_descriptor_limit",
    "read_machine_id",
]
