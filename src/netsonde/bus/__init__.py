# SPDX-License-Identifier: Apache-2.0
"""NATS: subjects, streams, buckets, calls, spool, presence; nothing else speaks NATS."""

from netsonde.bus.buckets import Bucket, Entry
from netsonde.bus.connection import Bus
from netsonde.bus.follower import TopologyFollower
from netsonde.bus.lease import Lease
from netsonde.bus.presence import PresenceKeeper, hosts_bucket, presence_key
from netsonde.bus.reports import Report, ReportBatch, ReportConsumer, ReportPublisher
from netsonde.bus.server import PrivateServer, ServerSettings
from netsonde.bus.settings import BusSettings
from netsonde.bus.topology import LoggedBatches, TopologyLog, TopologyPublisher, fetch_snapshot

__all__ = [
    "Bucket",
    "Bus",
    "BusSettings",
    "Entry",
    "Lease",
    "LoggedBatches",
    "PresenceKeeper",
    "PrivateServer",
    "Report",
    "ReportBatch",
    "ReportConsumer",
    "ReportPublisher",
    "ServerSettings",
    "TopologyFollower",
    "TopologyLog",
    "TopologyPublisher",
    "fetch_snapshot",
    "hosts_bucket",
    "presence_key",
]
