# SPDX-License-Identifier: Apache-2.0
"""Workflows: scripts that users keep, call as jobs, and have called by schedules, verdicts and captures.

Entry points: `service.WorkflowService`, `settings.WorkflowSettings`; not imported here, since every process reads the
settings.
"""
