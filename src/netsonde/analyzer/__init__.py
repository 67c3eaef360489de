# SPDX-License-Identifier: Apache-2.0
"""The analyzer: the graphs of all hosts merged, history, queries, the API and the page.

It is in `parts`, which nothing here imports: `python_workflow` starts for each workflow in Python, without all of it.
"""
