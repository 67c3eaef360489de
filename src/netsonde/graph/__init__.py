# SPDX-License-Identifier: Apache-2.0
"""Nodes, edges, their layers and indexes; no I/O, one event loop thread."""

from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.graph.frozen import FrozenGraph
from netsonde.graph.graph import Graph
from netsonde.graph.locate import Location, locate
from netsonde.graph.reader import GraphReader
from netsonde.graph.snapshot import SnapshotGraph

__all__ = ["Batch", "Event", "FrozenGraph", "Graph", "GraphReader", "Location", "SnapshotGraph", "locate"]
