# SPDX-License-Identifier: Apache-2.0
"""The verbs of the command line: where each lives, and its line in the help. Nothing is imported before it is used."""

from typing import NamedTuple


class Verb(NamedTuple):
    """One verb; `module` holds a Typer application `app`."""

    name: str
    module: str
    help: str


VERBS = (
    Verb("allinone", "allinone", "Run everything on this machine: bus, analyzer and agent."),
    Verb("agent", "agent", "Run the agent of this host: topology, captures, flows."),
    Verb("analyzer", "analyzer", "Run an analyzer: merged graph, history, API and page."),
    Verb("query", "query", "Ask the graph, live or in the past."),
    Verb("shell", "shell", "Ask queries one after the other, with completion."),
    Verb("topology", "topology", "Write the whole graph into a file, and bring files in."),
    Verb("capture", "capture", "Create and watch captures, and read their packets."),
    Verb("check", "check", "Check every interface as it appears: lease, gateway, DNS, …"),
    Verb("alert", "alert", "Be told when a query finds something, and when it does not any more."),
    Verb("workflow", "workflow", "Keep scripts on the server, and call them."),
    Verb("rule", "rule", "Say something of nodes and edges, present or future, and undo it."),
    Verb("apply", "apply", "Make captures, checks, alerts, rules and workflows what files say."),
    Verb("inject", "inject", "Send packets from interfaces, and see what comes back."),
    Verb("inject-packet", "inject_packet", "Send packets from an interface of this machine, without any server."),
    Verb("flows", "flows", "List the flows of captures and interfaces."),
    Verb("status", "status", "Show every process and component with its state."),
    Verb("meter", "meter", "Meter a pcap or pcapng file, without any server."),
    Verb("login", "login", "Log in to a server that asks for it."),
    Verb("logout", "logout", "End the session."),
    Verb("profile", "profile", "Servers by name."),
    Verb("seed", "seed", "Show what probes see in some namespace, without an agent there."),
    Verb("access", "access", "Users, tokens, and who may do what."),
    Verb("extcap", "extcap", "List captures in Wireshark, as a plug-in of it."),
    Verb("doctor", "doctor", "Check this machine and the server; say what to do."),
    Verb("client", "legacy", "Commands spelt as Skydive's client spells them."),
)

USAGE = """\
Usage: netsonde [OPTIONS] COMMAND [ARGS]...

  The network of hosts, VMs and containers as a live graph, with captures that
  wait for interfaces to appear.
"""

EXAMPLES = """\
Examples:
  netsonde allinone
  netsonde query "G.V().Has('Type', 'netns')"
  netsonde capture create --gremlin "G.V().HasKey('ExtID.vm-id')" --name vms
  netsonde capture follow vms | wireshark -k -i -

The server is the one of --url, --profile or NETSONDE_URL, else of the default profile,
else http://127.0.0.1:8082; it knows you by `netsonde login`, NETSONDE_TOKEN, or --username NAME --password-file FILE
(or --token-file FILE) before the command.
Exit status: 0 done, 1 failed, 2 wrong usage, 3 no server.
"""


def root_help() -> str:
    """Return the help of the program itself, from the table alone."""
    options = (
        ("--profile NAME", "Ask the server of this profile (NETSONDE_PROFILE)."),
        ("--version", "Show the version and exit."),
        ("--install-completion", "Install completion for the current shell."),
        ("--show-completion", "Show completion for the current shell."),
        ("-h, --help", "Show this message and exit."),
    )
    lines = [USAGE, "Options:", *_columns(options), "", "Commands:"]
    lines += [*_columns([(verb.name, verb.help) for verb in VERBS]), "", EXAMPLES]
    return "\n".join(lines)


def _columns(rows: "list[tuple[str, str]] | tuple[tuple[str, str], ...]") -> list[str]:
    width = max(len(name) for name, _ in rows)
    return [f"  {name.ljust(width)}  {text}" for name, text in rows]
