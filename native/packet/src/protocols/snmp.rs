// SPDX-License-Identifier: Apache-2.0
//! SNMP 1, 2c and 3 (RFC 3416, RFC 3412). Community names are passwords and are not told.

use crate::facts::{line, Facts};
use crate::registry::{Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::SNMP,
    found: &[Found::Udp(161), Found::Udp(162)],
    read,
    shown: "SNMP",
    info: |headers| line(&told(headers.payload)),
    told: Told::Message(told),
};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 2;
const OCTETS: u8 = 4;
const OBJECT: u8 = 6;
const OBJECTS_SHOWN: usize = 8;

/// A sequence that begins with a version.
fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    if data.first().is_some_and(|&tag| tag != SEQUENCE) {
        return Reading::Other;
    }
    let mut rest = data;
    let version = lax(&mut rest).and_then(|(_, mut inside)| element(&mut inside));
    match version {
        Some((INTEGER, [0 | 1 | 3])) => {
            headers.layers.push(Layer::SNMP);
            Reading::Mine
        }
        Some(_) => Reading::Other,
        None if data.len() < 16 => Reading::TooShort,
        None => Reading::Other,
    }
}

fn told(mut data: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let _ = message(&mut data, &mut facts);
    facts
}

fn message(data: &mut &[u8], facts: &mut Facts) -> Option<()> {
    let (_, mut inside) = lax(data)?;
    match element(&mut inside)? {
        (INTEGER, [0]) => facts.text("version", "1"),
        (INTEGER, [1]) => facts.text("version", "2c"),
        _ => {
            // Version 3: what follows is likely encrypted.
            facts.text("version", "3");
            return None;
        }
    }
    let (OCTETS, _) = element(&mut inside)? else {
        return None;
    };
    let (kind, mut pdu) = lax(&mut inside)?;
    facts.text("pdu", pdu_name(kind));
    if kind == 0xa4 {
        // A trap of version 1 has other fields.
        return None;
    }
    facts.number("request_id", number(element(&mut pdu)?.1) & 0xffff_ffff);
    facts.number("error_status", number(element(&mut pdu)?.1));
    element(&mut pdu)?;
    let (_, mut bindings) = lax(&mut pdu)?;
    let mut objects = Vec::new();
    while let Some((_, mut binding)) = lax(&mut bindings) {
        match element(&mut binding) {
            Some((OBJECT, name)) if objects.len() < OBJECTS_SHOWN => objects.push(object(name)),
            _ => break,
        }
    }
    facts.list("objects", objects);
    Some(())
}

fn pdu_name(kind: u8) -> &'static str {
    match kind {
        0xa0 => "get",
        0xa1 => "get-next",
        0xa2 => "response",
        0xa3 => "set",
        0xa4 | 0xa7 => "trap",
        0xa5 => "get-bulk",
        0xa6 => "inform",
        0xa8 => "report",
        _ => "unknown",
    }
}

/// Take an element (X.690): tag and content, None when it is not there whole.
fn element<'a>(data: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (tag, length, rest) = head(data)?;
    let (content, behind) = rest.split_at_checked(length)?;
    *data = behind;
    Some((tag, content))
}

/// Take an element, or as much of it as is there.
fn lax<'a>(data: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (tag, length, rest) = head(data)?;
    let (content, behind) = rest.split_at(length.min(rest.len()));
    *data = behind;
    Some((tag, content))
}

fn head<'a>(data: &&'a [u8]) -> Option<(u8, usize, &'a [u8])> {
    let (&tag, rest) = data.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if first < 0x80 {
        return Some((tag, first.into(), rest));
    }
    let bytes = usize::from(first & 0x7f);
    if !(1..=3).contains(&bytes) {
        return None;
    }
    let (length, rest) = rest.split_at_checked(bytes)?;
    Some((tag, number(length) as usize, rest))
}

fn number(content: &[u8]) -> u64 {
    content
        .iter()
        .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// 1.3.6.1…, of which the first two share a byte (X.690 §8.19).
fn object(content: &[u8]) -> String {
    let mut text = String::new();
    let mut arc = 0u64;
    for &byte in content {
        arc = arc.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            let first = (arc / 40).min(2);
            text = format!("{first}.{}", arc - first * 40);
        } else {
            text.push_str(&format!(".{arc}"));
        }
        arc = 0;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_tells_its_objects_but_not_the_community() {
        let get = [
            0x30, 0x29, 2, 1, 1, 4, 6, b'p', b'u', b'b', b'l', b'i', b'c', 0xa0, 0x1c, 2, 4, 1, 2,
            3, 4, 2, 1, 0, 2, 1, 0, 0x30, 0x0e, 0x30, 0x0c, 6, 8, 0x2b, 6, 1, 2, 1, 1, 1, 0, 5, 0,
        ];
        assert_eq!(
            line(&told(&get)),
            "version 2c pdu get request_id 16909060 error_status 0 objects 1.3.6.1.2.1.1.1.0"
        );
        for length in 0..get.len() {
            let _ = told(&get[..length]);
        }
    }
}
