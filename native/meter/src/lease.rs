// SPDX-License-Identifier: Apache-2.0
//! DHCP transactions, tied over all their flows by transaction id and client: request and reply travel in flows of
//! their own (broadcast, unicast, relay), and the user wants one answer: did it get an address, from whom, how fast.

use netsonde_packet::dhcpv4::{dhcpv4, Dhcpv4};
use netsonde_packet::dhcpv6::{dhcpv6, Dhcpv6, Lease};
use netsonde_packet::{text, Facts};

use crate::bounded::Bounded;
use crate::json::Json;
use crate::stream::write_facts;

/// Transactions remembered; the oldest gives way.
const MAX_TRANSACTIONS: usize = 4096;
/// Messages listed per transaction; a client that repeats for ever is counted, not listed.
const MAX_MESSAGES: usize = 32;

/// Version, transaction id and client: the hardware address, or a hash of the DUID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct LeaseKey {
    pub(crate) version: u8,
    xid: u32,
    client: u64,
}

pub(crate) struct Leases {
    transactions: Bounded<LeaseKey, Transaction>,
    /// The transaction that a client of DHCPv6 began last, and the one that an exchange of it belongs to.
    begun: Bounded<u64, LeaseKey>,
    continued: Bounded<LeaseKey, LeaseKey>,
}

impl Default for Leases {
    fn default() -> Self {
        Self {
            transactions: Bounded::new(MAX_TRANSACTIONS),
            begun: Bounded::new(MAX_TRANSACTIONS),
            continued: Bounded::new(MAX_TRANSACTIONS),
        }
    }
}

#[derive(Default)]
struct Transaction {
    messages: Vec<(i64, &'static str)>,
    message_count: u32,
    first_ns: i64,
    /// When the address was given; 0 = not yet.
    bound_ns: i64,
    /// Facts of the messages so far; later messages overwrite.
    facts: Facts,
}

impl Leases {
    /// Note the message in `payload`; return its transaction and whether the client sent it.
    pub(crate) fn message4(&mut self, payload: &[u8], ts_ns: i64) -> Option<(LeaseKey, bool)> {
        let message = dhcpv4(payload)?;
        let [a, b, c, d, e, f] = message.hardware;
        let key = LeaseKey {
            version: 4,
            xid: message.xid,
            client: u64::from_be_bytes([0, 0, a, b, c, d, e, f]),
        };
        let transaction = self.transactions.entry(key);
        transaction.note(ts_ns, message.type_name(), message.message_type == 5);
        transaction.learn4(&message);
        Some((key, message.op == 1))
    }

    pub(crate) fn message6(&mut self, payload: &[u8], ts_ns: i64) -> Option<(LeaseKey, bool)> {
        let message = dhcpv6(payload)?;
        let client = message
            .client_id
            .iter()
            .fold(0u64, |hash, &byte| hash.rotate_left(7) ^ u64::from(byte));
        let key = self.exchange6(
            LeaseKey {
                version: 6,
                xid: message.xid,
                client,
            },
            message.message_type,
        );
        let transaction = self.transactions.entry(key);
        let bound = message.message_type == 7
            && !(message.addresses.is_empty() && message.prefixes.is_empty());
        transaction.note(ts_ns, message.type_name(), bound);
        transaction.learn6(&message);
        Some((key, message.from_client()))
    }

    pub(crate) fn write(&self, key: LeaseKey, out: &mut String) {
        if let Some(transaction) = self.transactions.get(&key) {
            transaction.write(key.xid, out);
        }
    }

    /// Return the transaction of an exchange. A client may take another id when it requests what was advertised to it
    /// (RFC 8415 §16.1), and most do: to the user that is one story.
    fn exchange6(&mut self, key: LeaseKey, message_type: u8) -> LeaseKey {
        const SOLICIT: u8 = 1;
        const REQUEST: u8 = 3;
        if let Some(first) = self.continued.get(&key) {
            return *first;
        }
        if message_type == SOLICIT {
            *self.begun.entry(key.client) = key;
        } else if message_type == REQUEST {
            let begun = self.begun.get(&key.client).copied();
            let open = |key: &LeaseKey| {
                let transaction = self.transactions.get(key);
                transaction.is_some_and(|transaction| transaction.bound_ns == 0)
            };
            if let Some(first) = begun.filter(open) {
                *self.continued.entry(key) = first;
                return first;
            }
        }
        key
    }
}

impl Transaction {
    fn note(&mut self, ts_ns: i64, name: &'static str, bound: bool) {
        if self.message_count == 0 {
            self.first_ns = ts_ns;
        }
        self.message_count = self.message_count.saturating_add(1);
        if self.messages.len() < MAX_MESSAGES {
            self.messages.push((ts_ns, name));
        }
        if bound && self.bound_ns == 0 {
            self.bound_ns = ts_ns;
        }
    }

    fn set_ipv4(&mut self, name: &'static str, address: Option<[u8; 4]>) {
        if let Some(address) = address.filter(|address| *address != [0; 4]) {
            self.facts.text(name, text::ipv4(address));
        }
    }

    fn learn4(&mut self, message: &Dhcpv4<'_>) {
        // The five names that the reference knew.
        self.facts.bytes("file", message.file);
        self.facts.number("flags", message.flags);
        self.facts.number("hardware_len", message.hardware_len);
        self.facts.number("hardware_opts", message.hops);
        self.facts.bytes("server_name", message.server_name);
        self.facts.number("secs", message.secs);
        self.facts.text("client_mac", text::mac(message.hardware));
        self.set_ipv4("client_address", Some(message.client));
        self.set_ipv4("address", Some(message.yours));
        self.set_ipv4("requested_address", message.requested);
        self.set_ipv4("server", message.server);
        self.set_ipv4("next_server", Some(message.next_server));
        self.set_ipv4("relay", Some(message.relay));
        self.set_ipv4("subnet_mask", message.subnet_mask);
        self.facts.list(
            "routers",
            message.routers.iter().copied().map(text::ipv4).collect(),
        );
        self.facts.list(
            "dns_servers",
            message
                .dns_servers
                .iter()
                .copied()
                .map(text::ipv4)
                .collect(),
        );
        self.facts.bytes("host_name", message.host_name);
        self.facts.bytes("domain", message.domain);
        self.facts.bytes("vendor_class", message.vendor_class);
        self.facts.bytes("message", message.message);
        self.learn4_more(message);
        for (name, value) in [
            ("lease_s", message.lease_s),
            ("renewal_s", message.renewal_s),
            ("rebinding_s", message.rebinding_s),
            ("mtu", message.mtu.map(u32::from)),
        ] {
            if let Some(value) = value {
                self.facts.number(name, value);
            }
        }
    }

    /// What fewer messages have.
    fn learn4_more(&mut self, message: &Dhcpv4<'_>) {
        self.set_ipv4("broadcast", message.broadcast);
        let servers = message.ntp_servers.iter().copied().map(text::ipv4);
        self.facts.list("ntp_servers", servers.collect());
        let route = |&(network, length, gateway): &([u8; 4], u8, [u8; 4])| {
            format!(
                "{}/{length} via {}",
                text::ipv4(network),
                text::ipv4(gateway)
            )
        };
        let routes = message.routes.iter().map(route);
        self.facts.list("routes", routes.collect());
        self.facts.text("client_id", hex(message.client_id));
        let wanted = message.wanted.iter().map(u8::to_string);
        self.facts
            .text("wanted_options", wanted.collect::<Vec<_>>().join(","));
        self.facts.bytes("circuit_id", message.circuit_id);
        self.facts.text("remote_id", hex(message.remote_id));
    }

    fn learn6(&mut self, message: &Dhcpv6<'_>) {
        for (name, id) in [
            ("client_duid", message.client_id),
            ("server_duid", message.server_id),
        ] {
            self.facts.text(name, hex(id));
        }
        self.facts.list(
            "addresses",
            message
                .addresses
                .iter()
                .map(|lease| text::ipv6(lease.address))
                .collect(),
        );
        self.facts
            .list("prefixes", message.prefixes.iter().map(prefix).collect());
        self.facts.list(
            "dns_servers",
            message
                .dns_servers
                .iter()
                .copied()
                .map(text::ipv6)
                .collect(),
        );
        if let Some(lease) = message.addresses.first().or(message.prefixes.first()) {
            self.facts.number("preferred_s", lease.preferred_s);
            self.facts.number("lease_s", lease.valid_s);
        }
        if let Some((code, words)) = message.status {
            self.facts.number("status_code", code);
            self.facts.bytes("message", words);
        }
        self.learn6_more(message);
    }

    /// What fewer messages have.
    fn learn6_more(&mut self, message: &Dhcpv6<'_>) {
        if message.relays > 0 {
            self.facts.number("relays", message.relays);
            let link = message.link_address.filter(|address| *address != [0; 16]);
            self.facts
                .text("link_address", link.map(text::ipv6).unwrap_or_default());
            self.facts.bytes("interface_id", message.interface_id);
        }
        self.facts.text("client_name", labels(message.client_name));
        if message.rapid_commit {
            self.facts.flag("rapid_commit", true);
        }
        if let Some(elapsed_ms) = message.elapsed_ms {
            self.facts.number("elapsed_ms", elapsed_ms);
        }
    }

    fn write(&self, xid: u32, out: &mut String) {
        let mut json = Json::new(out);
        json.open().number("xid", xid).list("messages");
        for (ts_ns, name) in &self.messages {
            json.open()
                .text("type", name)
                .number("time_ns", *ts_ns)
                .close();
        }
        json.end_list().number("message_count", self.message_count);
        json.flag("bound", self.bound_ns != 0);
        if self.bound_ns != 0 {
            json.number("latency", self.bound_ns - self.first_ns);
        }
        write_facts(&self.facts, &mut json);
        json.close();
    }
}

fn prefix(lease: &Lease) -> String {
    format!("{}/{}", text::ipv6(lease.address), lease.length)
}

fn hex(bytes: &[u8]) -> String {
    let mut shown = String::new();
    bytes
        .iter()
        .for_each(|&byte| text::push_hex(byte, &mut shown));
    shown
}

/// A name in wire form, perhaps without its end.
fn labels(mut name: &[u8]) -> String {
    let mut shown = Vec::new();
    while let Some((&length, rest)) = name.split_first().filter(|(&length, _)| length > 0) {
        let Some((label, behind)) = rest.split_at_checked(length.into()) else {
            break;
        };
        shown.push(String::from_utf8_lossy(label).into_owned());
        name = behind;
    }
    shown.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of DHCPv6 with a client's DUID and an address.
    fn message(kind: u32, xid: u32, client: u8) -> Vec<u8> {
        let mut message = (kind << 24 | xid).to_be_bytes().to_vec();
        message.extend([0, 1, 0, 4, 1, 2, 3, client]);
        message.extend([0, 3, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 24]);
        message.extend([0xfd; 16]);
        message.extend([0, 0, 0, 100, 0, 0, 0, 200]);
        message
    }

    fn story(messages: &[(u32, u32, u8)]) -> String {
        let mut leases = Leases::default();
        let mut last = LeaseKey::default();
        for (ts_ns, &(kind, xid, client)) in (0..).zip(messages) {
            let told = leases.message6(&message(kind, xid, client), ts_ns);
            last = told.expect("it is a message").0;
        }
        let mut text = String::new();
        leases.write(last, &mut text);
        text
    }

    #[test]
    fn a_request_under_another_id_goes_on_with_what_was_solicited() {
        let text = story(&[(1, 10, 1), (2, 10, 1), (3, 20, 1), (7, 20, 1)]);
        assert!(text.contains(r#""xid":10,"#), "{text}");
        assert!(
            text.contains(r#""message_count":4,"bound":true,"latency":3,"#),
            "{text}"
        );
    }

    #[test]
    fn a_request_goes_on_with_nothing_that_is_over_or_another_clients() {
        let over = story(&[(1, 10, 1), (7, 10, 1), (3, 20, 1)]);
        assert!(over.contains(r#""xid":20,"#), "{over}");
        let others = story(&[(1, 10, 1), (3, 20, 2)]);
        assert!(others.contains(r#""xid":20,"#), "{others}");
    }
}
