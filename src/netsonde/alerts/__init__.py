# SPDX-License-Identifier: Apache-2.0
"""Alerts: expressions that are judged as the network changes, the states they go through, and who is told.

`definitions` says what an alert may be, `conditions` look at the network, `machine` decides, `watching` runs one
alert, `service` is what the API meets.
"""
