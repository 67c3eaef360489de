// SPDX-License-Identifier: Apache-2.0
//! DNS messages (RFC 1035, EDNS RFC 6891): a lax reader that gives the records it could read.

mod names;
mod rdata;

pub use names::{class_name, kind_name, op_code_name, response_code_name};

use crate::bytes::{be16, be32, chunk};
use crate::describe::application;
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::DNS,
    found: &[
        Found::Udp(PORT),
        Found::Udp(5353),
        Found::StreamOn(&[PORT], begins),
    ],
    read,
    shown: "DNS",
    info: |headers| application::dns(headers.payload),
    told: Told::Nothing,
};

fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    if data.len() < HEADER {
        return Reading::TooShort;
    }
    if !plausible(data) {
        return Reading::Other;
    }
    headers.layers.push(Layer::DNS);
    Reading::Mine
}

const PORT: u16 = 53;
const HEADER: usize = 12;

/// Over TCP each message stands behind its length (RFC 1035 §4.2.2).
fn begins(data: &[u8]) -> Reading {
    match (be16(data, 0), data.get(2..)) {
        (Some(length), _) if usize::from(length) < HEADER => Reading::Other,
        (Some(_), Some(message)) if message.len() >= HEADER => {
            if plausible(message) {
                Reading::Mine
            } else {
                Reading::Other
            }
        }
        _ => Reading::TooShort,
    }
}

/// A DNS header announces at least one record; questions of more than a few are nobody's DNS.
pub fn plausible(message: &[u8]) -> bool {
    message.first_chunk::<HEADER>().is_some_and(|h| {
        let questions = u16::from_be_bytes([h[4], h[5]]);
        questions <= 32 && h[4..].iter().any(|&byte| byte != 0)
    })
}

/// Of a class: mDNS asks for an answer to itself, or tells others to forget what they knew.
pub const TOP_BIT: u16 = 0x8000;

/// Limits of one name: RFC 1035 allows 255 bytes; pointers must lead backwards, so loops end by themselves.
const MAX_NAME: usize = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub id: u16,
    pub flags: u16,
    pub questions: u16,
    pub answers: u16,
    pub authorities: u16,
    pub additionals: u16,
}

impl Header {
    pub fn response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub fn op_code(&self) -> u8 {
        (self.flags >> 11 & 0x0f) as u8
    }

    pub fn response_code(&self) -> u8 {
        (self.flags & 0x0f) as u8
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub name: String,
    pub kind: u16,
    pub class: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub name: String,
    pub kind: u16,
    pub class: u16,
    pub ttl: u32,
    pub raw: &'a [u8],
    pub data: RecordData<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordData<'a> {
    A([u8; 4]),
    Aaaa([u8; 16]),
    Ns(String),
    Cname(String),
    Ptr(String),
    Soa {
        m_name: String,
        r_name: String,
        serial: u32,
        refresh: u32,
        retry: u32,
        expire: u32,
        minimum: u32,
    },
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        name: String,
    },
    Mx {
        preference: u16,
        name: String,
    },
    Txt(Vec<&'a [u8]>),
    /// EDNS options: code and content.
    Opt(Vec<(u16, &'a [u8])>),
    /// Of all other types, as zone files write it.
    Text(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sections<'a> {
    pub questions: Vec<Question>,
    pub answers: Vec<Record<'a>>,
    pub authorities: Vec<Record<'a>>,
    pub additionals: Vec<Record<'a>>,
}

/// Read the fixed header; `None` below 12 bytes.
pub fn header(message: &[u8]) -> Option<Header> {
    Some(Header {
        id: be16(message, 0)?,
        flags: be16(message, 2)?,
        questions: be16(message, 4)?,
        answers: be16(message, 6)?,
        authorities: be16(message, 8)?,
        additionals: be16(message, 10)?,
    })
}

/// Read all sections up to the first record that cannot be read.
pub fn sections(message: &[u8]) -> Sections<'_> {
    let mut found = Sections::default();
    let _ = fill(message, &mut found);
    found
}

fn fill<'a>(message: &'a [u8], found: &mut Sections<'a>) -> Option<()> {
    let header = header(message)?;
    let mut at = 12;
    for _ in 0..header.questions {
        let (name, next) = name(message, at)?;
        found.questions.push(Question {
            name,
            kind: be16(message, next)?,
            class: be16(message, next + 2)?,
        });
        at = next + 4;
    }
    let wanted = [header.answers, header.authorities, header.additionals];
    for (count, section) in wanted.into_iter().zip([
        &mut found.answers,
        &mut found.authorities,
        &mut found.additionals,
    ]) {
        for _ in 0..count {
            let (record, next) = record(message, at)?;
            section.push(record);
            at = next;
        }
    }
    Some(())
}

fn record(message: &[u8], at: usize) -> Option<(Record<'_>, usize)> {
    let (name, at) = name(message, at)?;
    let kind = be16(message, at)?;
    let class = be16(message, at + 2)?;
    let ttl = be32(message, at + 4)?;
    let start = at + 10;
    let end = start + usize::from(be16(message, at + 8)?);
    let raw = message.get(start..end)?;
    let data =
        data(message, kind, start, raw).unwrap_or_else(|| RecordData::Text(rdata::unknown(raw)));
    Some((
        Record {
            name,
            kind,
            class,
            ttl,
            raw,
            data,
        },
        end,
    ))
}

fn data<'a>(message: &[u8], kind: u16, start: usize, raw: &'a [u8]) -> Option<RecordData<'a>> {
    let text = |offset: usize| name(message, start + offset).map(|(text, _)| text);
    Some(match kind {
        1 => RecordData::A(chunk(raw, 0)?),
        28 => RecordData::Aaaa(chunk(raw, 0)?),
        2 => RecordData::Ns(text(0)?),
        5 => RecordData::Cname(text(0)?),
        12 => RecordData::Ptr(text(0)?),
        6 => soa(message, start)?,
        15 => RecordData::Mx {
            preference: be16(raw, 0)?,
            name: text(2)?,
        },
        33 => RecordData::Srv {
            priority: be16(raw, 0)?,
            weight: be16(raw, 2)?,
            port: be16(raw, 4)?,
            name: text(6)?,
        },
        16 | 13 | 99 => RecordData::Txt(strings(raw)),
        41 => RecordData::Opt(options(raw)),
        _ => RecordData::Text(rdata::text(message, kind, start, raw)?),
    })
}

fn soa(message: &[u8], start: usize) -> Option<RecordData<'static>> {
    let (m_name, at) = name(message, start)?;
    let (r_name, at) = name(message, at)?;
    let number = |index: usize| be32(message, at + 4 * index);
    Some(RecordData::Soa {
        m_name,
        r_name,
        serial: number(0)?,
        refresh: number(1)?,
        retry: number(2)?,
        expire: number(3)?,
        minimum: number(4)?,
    })
}

fn strings(mut raw: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some((&length, rest)) = raw.split_first() {
        let Some((text, behind)) = rest.split_at_checked(usize::from(length)) else {
            break;
        };
        found.push(text);
        raw = behind;
    }
    found
}

fn options(mut raw: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while let (Some(code), Some(length)) = (be16(raw, 0), be16(raw, 2)) {
        let Some(content) = raw.get(4..4 + usize::from(length)) else {
            break;
        };
        found.push((code, content));
        raw = raw.get(4 + content.len()..).unwrap_or_default();
    }
    found
}

/// Read a name at `at`; return it without the final dot, and where the bytes behind it begin.
fn name(message: &[u8], at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut position = at;
    let mut behind = None;
    loop {
        let length = *message.get(position)?;
        match length {
            0 => return Some((text, behind.unwrap_or(position + 1))),
            1..=63 => {
                let label = message.get(position + 1..position + 1 + usize::from(length))?;
                push_label(&mut text, label);
                position += 1 + label.len();
            }
            0xc0..=0xff => {
                let target = usize::from(be16(message, position)? & 0x3fff);
                behind = behind.or(Some(position + 2));
                // Forward pointers are illegal, and the only way to a loop.
                if target >= position {
                    return None;
                }
                position = target;
            }
            _ => return None,
        }
        if text.len() > MAX_NAME * 4 {
            return None;
        }
    }
}

/// Append a label; bytes that are no printable ASCII as \DDD, the way of zone files.
fn push_label(text: &mut String, label: &[u8]) {
    if !text.is_empty() {
        text.push('.');
    }
    for &byte in label {
        match byte {
            b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
            0x21..=0x7e => text.push(char::from(byte)),
            _ => {
                text.push('\\');
                text.extend(
                    [byte / 100, byte / 10 % 10, byte % 10].map(|digit| char::from(b'0' + digit)),
                );
            }
        }
    }
}
