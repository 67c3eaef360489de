# SPDX-License-Identifier: Apache-2.0
"""Logs, metrics and health of this process."""

from netsonde.observe.health import Health, HealthState
from netsonde.observe.listeners import Listeners
from netsonde.observe.logs import configure_logging, logger

__all__ = ["Health", "HealthState", "Listeners", "configure_logging", "logger"]
