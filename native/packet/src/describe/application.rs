// SPDX-License-Identifier: Apache-2.0
//! DHCP, DNS and NTP in one line each.

use crate::dhcpv4::dhcpv4;
use crate::dhcpv6::dhcpv6;
use crate::dns::{self, RecordData};
use crate::facts::printable;
use crate::{text, Headers, Transport};

/// Answers beyond these are only counted.
const ANSWERS_SHOWN: usize = 4;

pub(crate) fn dhcp(data: &[u8]) -> String {
    let Some(message) = dhcpv4(data) else {
        return "too short".to_owned();
    };
    let mut info = format!("{} xid=0x{:08x}", message.type_name(), message.xid);
    let mut say = |word: &str, address: Option<[u8; 4]>| {
        if let Some(address) = address.filter(|address| *address != [0; 4]) {
            info.push_str(&format!(" {word} {}", text::ipv4(address)));
        }
    };
    say("address", Some(message.yours));
    say("requested", message.requested);
    say("client", Some(message.client));
    say("server", message.server);
    say("router", message.routers.first().copied());
    if let Some(lease_s) = message.lease_s.filter(|_| message.op == 2) {
        info.push_str(&format!(" lease {lease_s}s"));
    }
    info.push_str(&format!(" for {}", text::mac(message.hardware)));
    for (word, bytes) in [("host", message.host_name), ("message", message.message)] {
        if !bytes.is_empty() {
            info.push_str(&format!(" {word} {}", printable(bytes)));
        }
    }
    info
}

pub(crate) fn dhcp6(data: &[u8]) -> String {
    let Some(message) = dhcpv6(data) else {
        return "too short".to_owned();
    };
    let mut info = format!("{} xid=0x{:06x}", message.type_name(), message.xid);
    for lease in &message.addresses {
        info.push_str(&format!(
            " address {} lease {}s",
            text::ipv6(lease.address),
            lease.valid_s
        ));
    }
    for lease in &message.prefixes {
        info.push_str(&format!(
            " prefix {}/{}",
            text::ipv6(lease.address),
            lease.length
        ));
    }
    if let Some((code, words)) = message.status {
        info.push_str(&format!(" status {code} {}", printable(words)));
    }
    info
}

pub(crate) fn dns_name(headers: &Headers<'_>) -> &'static str {
    match headers.transport {
        Transport::Udp {
            source,
            destination,
        } if source == 5353 || destination == 5353 => "mDNS",
        _ => "DNS",
    }
}

pub(crate) fn dns(data: &[u8]) -> String {
    let Some(header) = dns::header(data) else {
        return "too short".to_owned();
    };
    let sections = dns::sections(data);
    let mut info = format!(
        "{} 0x{:04x}",
        if header.response() {
            "Response"
        } else {
            "Query"
        },
        header.id
    );
    for question in &sections.questions {
        info.push_str(&format!(" {} {}", kind(question.kind), question.name));
    }
    if !header.response() {
        return info;
    }
    if header.response_code() != 0 {
        info.push_str(&format!(
            " {}",
            dns::response_code_name(header.response_code().into())
        ));
    }
    for answer in sections.answers.iter().take(ANSWERS_SHOWN) {
        info.push_str(&format!(" {} {}", kind(answer.kind), value(&answer.data)));
    }
    if usize::from(header.answers) > ANSWERS_SHOWN {
        info.push_str(&format!(
            " and {} more",
            usize::from(header.answers) - ANSWERS_SHOWN
        ));
    }
    info
}

fn kind(kind: u16) -> String {
    dns::kind_name(kind).map_or_else(|| format!("TYPE{kind}"), str::to_owned)
}

fn value(data: &RecordData<'_>) -> String {
    match data {
        RecordData::A(address) => text::ipv4(*address),
        RecordData::Aaaa(address) => text::ipv6(*address),
        RecordData::Ns(name) | RecordData::Cname(name) | RecordData::Ptr(name) => name.clone(),
        RecordData::Mx { name, .. } | RecordData::Srv { name, .. } => name.clone(),
        RecordData::Soa { m_name, .. } => m_name.clone(),
        RecordData::Txt(strings) => strings
            .first()
            .map_or_else(String::new, |text| printable(text)),
        RecordData::Text(text) => text.clone(),
        RecordData::Opt(_) => String::new(),
    }
}
