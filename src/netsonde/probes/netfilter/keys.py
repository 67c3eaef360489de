# SPDX-License-Identifier: Apache-2.0
"""Keys that the `netfilter` probe writes on the nodes of the host and of namespaces, and the counters that it reads."""

from netsonde.model.keys import Field, Key, of_types, written_by
from netsonde.model.looks import Look

KEYS = written_by(
    "netfilter",
    *of_types(
        ("host", "netns"),
        Key("Conntrack", "object", "connections that are tracked", {"Count": 1200, "Max": 262144}),
        Key("Conntrack.Count", "integer", "how many there are, told again when that changes much", 1200),
        Key("Conntrack.Max", "integer", "beyond it new connections are dropped; 0 = no limit", 262144),
        Key("NFTables", "object", "rules of nftables, and of iptables upon it", {"Rules": 40, "Tables": []}),
        Key("NFTables.Rules", "integer", "rules of all tables", 40),
        Key("NFTables.Chains", "integer", "chains of all tables", 12),
        Key("NFTables.Sets", "integer", "sets and maps of all tables", 3),
        Key("NFTables.Tables", "list of object", "tables by family and name", [{"Family": "inet", "Name": "filter"}]),
        Key("NFTables.Tables.Family", "string", "`inet ip ip6 arp bridge netdev`", "inet"),
        Key("NFTables.Tables.Name", "string", "name of the table", "filter"),
        Key("NFTables.Tables.Rules", "integer", "its rules", 40),
        Key("NFTables.Tables.Chains", "integer", "its chains", 12),
        Key("NFTables.Tables.Sets", "integer", "its sets and maps", 3),
        Key("NFTables.TablesOmitted", "integer", "tables beyond `probes.netfilter.limit`", 12),
        Key("NFTables.Uncounted", "boolean", "there is more than `probes.netfilter.rule_limit`, not counted", True),
    ),
)

METRICS = (
    Field("ConntrackEntries", "integer", "connections tracked at the end of the interval", 1200),
    *(
        Field(name, "integer", f"{text}, in the interval", 42)
        for name, text in (
            ("ConntrackFound", "entries found by a search"),
            ("ConntrackInvalid", "packets that fit no connection"),
            ("ConntrackInsert", "entries added"),
            ("ConntrackInsertFailed", "entries that could not be added: another had the same key"),
            ("ConntrackDrop", "packets dropped since an entry could not be made"),
            ("ConntrackEarlyDrop", "entries thrown out to make room"),
            ("ConntrackError", "bad ICMP packets"),
            ("ConntrackSearchRestart", "searches begun anew as the table was resized"),
            ("ConntrackClashResolve", "entries joined with another of the same key"),
            ("ConntrackChainTooLong", "packets dropped since too many entries had the same hash"),
        )
    ),
)

LOOKS: tuple[Look, ...] = ()
