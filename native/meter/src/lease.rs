// SPDX-License-Identifier: Apache-2.0
//! DHCP transactions, tied over all their flows by transaction id and client: request and reply travel in flows of
//! their own (broadcast, unicast, relay), and the user wants one answer: did it get an address, from whom, how fast.

use std::collections::{HashMap, VecDeque};

use netsonde_packet::dhcpv4::{dhcpv4, Dhcpv4};
use netsonde_packet::dhcpv6::{dhcpv6, Dhcpv6, Lease};
use netsonde_packet::text;

use crate::json::Json;

/// Transactions remembered; the oldest gives way.
const MAX_TRANSACTIONS: usize = 4096;
/// Messages listed per transaction; a client that repeats for ever is counted, not listed.
const MAX_MESSAGES: usize = 32;

/// Version, transaction id and client: the hardware address, or a hash of the DUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LeaseKey {
    pub(crate) version: u8,
    xid: u32,
    client: u64,
}

#[derive(Default)]
pub(crate) struct Leases {
    known: HashMap<LeaseKey, Transaction>,
    order: VecDeque<LeaseKey>,
}

#[derive(Default)]
struct Transaction {
    messages: Vec<(i64, &'static str)>,
    message_count: u32,
    first_ns: i64,
    /// When the address was given; 0 = not yet.
    bound_ns: i64,
    /// Facts of the messages so far, written as members of a JSON object; later messages overwrite.
    facts: Vec<(&'static str, Fact)>,
}

enum Fact {
    Text(String),
    Number(u64),
    List(Vec<String>),
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
        let transaction = self.transaction(key);
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
        let key = LeaseKey {
            version: 6,
            xid: message.xid,
            client,
        };
        let transaction = self.transaction(key);
        let bound = message.message_type == 7
            && !(message.addresses.is_empty() && message.prefixes.is_empty());
        transaction.note(ts_ns, message.type_name(), bound);
        transaction.learn6(&message);
        Some((key, message.from_client()))
    }

    fn transaction(&mut self, key: LeaseKey) -> &mut Transaction {
        if !self.known.contains_key(&key) {
            if self.order.len() == MAX_TRANSACTIONS {
                if let Some(oldest) = self.order.pop_front() {
                    self.known.remove(&oldest);
                }
            }
            self.order.push_back(key);
        }
        self.known.entry(key).or_default()
    }

    pub(crate) fn write(&self, key: LeaseKey, out: &mut String) {
        if let Some(transaction) = self.known.get(&key) {
            transaction.write(key.xid, out);
        }
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

    fn set(&mut self, name: &'static str, fact: Fact) {
        match self.facts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = fact,
            None => self.facts.push((name, fact)),
        }
    }

    fn set_text(&mut self, name: &'static str, value: String) {
        if !value.is_empty() {
            self.set(name, Fact::Text(value));
        }
    }

    fn set_bytes(&mut self, name: &'static str, value: &[u8]) {
        self.set_text(name, String::from_utf8_lossy(value).into_owned());
    }

    fn set_ipv4(&mut self, name: &'static str, address: Option<[u8; 4]>) {
        if let Some(address) = address.filter(|address| *address != [0; 4]) {
            self.set_text(name, text::ipv4(address));
        }
    }

    fn set_list(&mut self, name: &'static str, values: Vec<String>) {
        if !values.is_empty() {
            self.set(name, Fact::List(values));
        }
    }

    fn learn4(&mut self, message: &Dhcpv4<'_>) {
        // The five names that the reference knew.
        self.set_bytes("file", message.file);
        self.set("flags", Fact::Number(message.flags.into()));
        self.set("hardware_len", Fact::Number(message.hardware_len.into()));
        self.set("hardware_opts", Fact::Number(message.hops.into()));
        self.set_bytes("server_name", message.server_name);
        self.set("secs", Fact::Number(message.secs.into()));
        self.set_text("client_mac", text::mac(message.hardware));
        self.set_ipv4("client_address", Some(message.client));
        self.set_ipv4("address", Some(message.yours));
        self.set_ipv4("requested_address", message.requested);
        self.set_ipv4("server", message.server);
        self.set_ipv4("next_server", Some(message.next_server));
        self.set_ipv4("relay", Some(message.relay));
        self.set_ipv4("subnet_mask", message.subnet_mask);
        self.set_list(
            "routers",
            message.routers.iter().copied().map(text::ipv4).collect(),
        );
        self.set_list(
            "dns_servers",
            message
                .dns_servers
                .iter()
                .copied()
                .map(text::ipv4)
                .collect(),
        );
        self.set_bytes("host_name", message.host_name);
        self.set_bytes("domain", message.domain);
        self.set_bytes("vendor_class", message.vendor_class);
        self.set_bytes("message", message.message);
        for (name, value) in [
            ("lease_s", message.lease_s),
            ("mtu", message.mtu.map(u32::from)),
        ] {
            if let Some(value) = value {
                self.set(name, Fact::Number(value.into()));
            }
        }
    }

    fn learn6(&mut self, message: &Dhcpv6<'_>) {
        for (name, id) in [
            ("client_duid", message.client_id),
            ("server_duid", message.server_id),
        ] {
            let mut hex = String::new();
            id.iter().for_each(|&byte| text::push_hex(byte, &mut hex));
            self.set_text(name, hex);
        }
        self.set_list(
            "addresses",
            message
                .addresses
                .iter()
                .map(|lease| text::ipv6(lease.address))
                .collect(),
        );
        self.set_list("prefixes", message.prefixes.iter().map(prefix).collect());
        self.set_list(
            "dns_servers",
            message
                .dns_servers
                .iter()
                .copied()
                .map(text::ipv6)
                .collect(),
        );
        if let Some(lease) = message.addresses.first().or(message.prefixes.first()) {
            self.set("preferred_s", Fact::Number(lease.preferred_s.into()));
            self.set("lease_s", Fact::Number(lease.valid_s.into()));
        }
        if let Some((code, words)) = message.status {
            self.set("status_code", Fact::Number(code.into()));
            self.set_bytes("message", words);
        }
        if message.relays > 0 {
            self.set("relays", Fact::Number(message.relays.into()));
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
        for (name, fact) in &self.facts {
            match fact {
                Fact::Text(value) => json.text(name, value),
                Fact::Number(value) => json.number(name, *value),
                Fact::List(values) => {
                    json.list(name);
                    for value in values {
                        json.item(value);
                    }
                    json.end_list()
                }
            };
        }
        json.close();
    }
}

fn prefix(lease: &Lease) -> String {
    format!("{}/{}", text::ipv6(lease.address), lease.length)
}
