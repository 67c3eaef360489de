# SPDX-License-Identifier: Apache-2.0
"""The analyzer: the graphs of all hosts merged, history, queries, the API and the page."""

from netsonde.analyzer.parts import Analyzer, run

__all__ = ["Analyzer", "run"]
