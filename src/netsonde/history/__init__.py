# SPDX-License-Identifier: Apache-2.0
"""What was: topology, flows, packets and counters in ClickHouse's dialect; nothing else speaks SQL.

Entry points: `history.History`, `recording` (from the bus into it), `settings.HistorySettings`. They are not imported
here, since every process reads the settings and only an analyzer should pay for loading the engine.
"""
