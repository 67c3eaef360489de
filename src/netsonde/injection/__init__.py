# SPDX-License-Identifier: Apache-2.0
"""Injected packets: definitions, addresses out of the graph, runs on agents, and what became of them.

`coordinator` is the analyzer's part and the one to call; `agent` sends.
"""
