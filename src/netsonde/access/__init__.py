# SPDX-License-Identifier: Apache-2.0
"""Who may do what: users, tokens, sessions, roles and rights. Knows nothing of HTTP; `api` asks it at each request."""
