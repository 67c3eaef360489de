# SPDX-License-Identifier: Apache-2.0
"""Supervised tasks and bounded queues; knows nothing about networks."""

from netsonde.aio.garbage import keep_tidy
from netsonde.aio.queues import DroppingQueue
from netsonde.aio.tasks import Supervisor, backoff, spawn

__all__ = ["DroppingQueue", "Supervisor", "backoff", "keep_tidy", "spawn"]
