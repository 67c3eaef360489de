# SPDX-License-Identifier: Apache-2.0
"""Keys that checks write on the nodes that they judged."""

from netsonde.model.keys import Key, written_by

KEYS = written_by(
    "checks",
    Key("Check", "object", "verdicts of checks by their names", {"vms": {"Verdict": "pass", "At": 1_526_468_153_643}}),
    Key(
        "Check.*", "object", "Verdict, At (Unix ms), and Sentence: why it failed, or is unknown", {"Verdict": "waiting"}
    ),
)
