# SPDX-License-Identifier: Apache-2.0
"""Probes: what the host's kernel and daemons say, written into the agent's graph.

Entry points: `_registry.build_probes`, `runner.ProbeRunner`, `settings.ProbeSettings`; not imported here, since every
process reads the settings.
"""
