# SPDX-License-Identifier: Apache-2.0
"""Standing captures: definitions that wait for nodes, taps that follow them, statuses that say why not.

Entry points: `agent.CaptureAgent`, `coordinator.CaptureCoordinator`, `settings.CaptureSettings`; not imported here,
since every process reads the settings.
"""
