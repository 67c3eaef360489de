# SPDX-License-Identifier: Apache-2.0
"""Netsonde: the network of hosts, VMs and containers as a live graph, with captures that wait for interfaces."""

__version__ = "0.1.0"

__all__ = ["__version__"]
