# SPDX-License-Identifier: Apache-2.0
"""Notices to the world outside: webhooks, Alertmanager, scripts, workflows; kept until delivered or given up.

`actions` reads how a receiver is spelt, `senders` has one file a kind, `outbox` keeps, orders, retries and counts.
"""
