# SPDX-License-Identifier: Apache-2.0
"""Standing captures: definitions that wait for nodes, taps that follow them, statuses that say why not."""

from netsonde.captures.agent import CaptureAgent
from netsonde.captures.coordinator import CaptureCoordinator
from netsonde.captures.settings import CaptureSettings

__all__ = ["CaptureAgent", "CaptureCoordinator", "CaptureSettings"]
