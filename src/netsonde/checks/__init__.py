# SPDX-License-Identifier: Apache-2.0
"""Checks: what must be true of every interface soon after it appears, judged by what it sends and gets.

Entry points: `service.CheckService`, `settings.CheckSettings`; not imported here, since every process reads the
settings.
"""
