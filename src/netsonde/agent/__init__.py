# SPDX-License-Identifier: Apache-2.0
"""The agent: what one host knows of itself, and what it captures."""

from netsonde.agent.parts import Agent, run

__all__ = ["Agent", "run"]
