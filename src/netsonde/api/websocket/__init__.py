# SPDX-License-Identifier: Apache-2.0
"""WebSocket endpoints: live graph, captures and flows, as clients of the reference speak."""
