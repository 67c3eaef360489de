# SPDX-License-Identifier: Apache-2.0
"""NATS: subjects, streams, buckets, calls, spool, presence; nothing else speaks NATS.

Entry points: `connection.Bus`, `topology`, `follower`, `reports`, `lease`, `presence`, `server.PrivateServer`; not
imported here, since every process reads the settings.
"""
