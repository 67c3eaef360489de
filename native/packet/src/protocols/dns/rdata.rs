// SPDX-License-Identifier: Apache-2.0
//! Data of rarer record types as one text, the way of zone files; keys and signatures are told by their length.

use super::{kind_name, name};
use crate::bytes::{be16, be32, chunk};
use crate::facts::printable;
use crate::text;

/// Bytes of unknown data that are shown.
const SHOWN: usize = 64;
const MOST_TYPES: usize = 64;

/// RFC 3597 §5: data of a type that nobody knows.
pub(super) fn unknown(raw: &[u8]) -> String {
    format!("\\# {} {}", raw.len(), hex(raw))
}

/// Return the text of data of `kind` that begins at `start` of the message; `None` when it is not as its type says.
pub(super) fn text(message: &[u8], kind: u16, start: usize, raw: &[u8]) -> Option<String> {
    let named = |at: usize| name(message, start + at).map(|(text, next)| (dot(text), next - start));
    let byte = |at: usize| raw.get(at).copied();
    let hexed = |at: usize| raw.get(at..).map(hex);
    Some(match kind {
        39 => named(0)?.0,
        35 => naptr(raw, &named)?,
        43 | 59 => format!("{} {} {} {}", be16(raw, 0)?, byte(2)?, byte(3)?, hexed(4)?),
        48 | 60 => {
            let key = raw.get(4..)?.len();
            format!("{} {} {} ({key} bytes)", be16(raw, 0)?, byte(2)?, byte(3)?)
        }
        46 => signature(raw, &named)?,
        47 => {
            let (next, end) = named(0)?;
            format!("{next}{}", types(raw.get(end..)?))
        }
        50 => nsec3(raw)?,
        51 => format!(
            "{} {} {} {}",
            byte(0)?,
            byte(1)?,
            be16(raw, 2)?,
            salt(raw.get(5..)?)
        ),
        52 | 53 => format!("{} {} {} {}", byte(0)?, byte(1)?, byte(2)?, hexed(3)?),
        44 => format!("{} {} {}", byte(0)?, byte(1)?, hexed(2)?),
        64 | 65 => service(raw, &named)?,
        256 => format!(
            "{} {} {}",
            be16(raw, 0)?,
            be16(raw, 2)?,
            quoted(raw.get(4..)?)
        ),
        257 => {
            let tag = usize::from(byte(1)?);
            let (tag, value) = raw.get(2..)?.split_at_checked(tag)?;
            format!("{} {} {}", byte(0)?, printable(tag), quoted(value))
        }
        _ => unknown(raw),
    })
}

/// Reads a name in the data; returns it and where the bytes behind it begin.
type Named<'a> = &'a dyn Fn(usize) -> Option<(String, usize)>;

/// RFC 3403 §4.1.
fn naptr(raw: &[u8], named: Named<'_>) -> Option<String> {
    let mut at = 4;
    let mut strings = String::new();
    for _ in 0..3 {
        let length = usize::from(*raw.get(at)?);
        let string = raw.get(at + 1..at + 1 + length)?;
        strings.push_str(&quoted(string));
        strings.push(' ');
        at += 1 + length;
    }
    Some(format!(
        "{} {} {strings}{}",
        be16(raw, 0)?,
        be16(raw, 2)?,
        named(at)?.0
    ))
}

/// RFC 4034 §3.1.
fn signature(raw: &[u8], named: Named<'_>) -> Option<String> {
    let (signer, end) = named(18)?;
    Some(format!(
        "{} {} {} {} {} {} {} {signer} ({} bytes)",
        kind(be16(raw, 0)?),
        raw.get(2)?,
        raw.get(3)?,
        be32(raw, 4)?,
        be32(raw, 8)?,
        be32(raw, 12)?,
        be16(raw, 16)?,
        raw.get(end..)?.len()
    ))
}

/// RFC 5155 §3.1: the next name is a hash.
fn nsec3(raw: &[u8]) -> Option<String> {
    let behind = raw.get(5..)?;
    let (salted, rest) = behind.split_at_checked(usize::from(*raw.get(4)?))?;
    let (&length, rest) = rest.split_first()?;
    let (next, map) = rest.split_at_checked(length.into())?;
    Some(format!(
        "{} {} {} {} {}{}",
        raw.first()?,
        raw.get(1)?,
        be16(raw, 2)?,
        salt(salted),
        hex(next),
        types(map)
    ))
}

/// RFC 9460 §2.2: priority, target, parameters.
fn service(raw: &[u8], named: Named<'_>) -> Option<String> {
    let (target, mut at) = named(2)?;
    let mut shown = format!("{} {target}", be16(raw, 0)?);
    while let (Some(key), Some(length)) = (be16(raw, at), be16(raw, at + 2)) {
        let end = at + 4 + usize::from(length);
        let value = raw.get(at + 4..end)?;
        shown.push(' ');
        shown.push_str(&parameter(key, value));
        at = end;
    }
    Some(shown)
}

fn parameter(key: u16, value: &[u8]) -> String {
    let addresses = |size: usize| value.chunks_exact(size);
    match key {
        1 => {
            let mut names = Vec::new();
            let mut rest = value;
            while let Some((&length, behind)) = rest.split_first() {
                let Some((name, behind)) = behind.split_at_checked(length.into()) else {
                    break;
                };
                names.push(printable(name));
                rest = behind;
            }
            format!("alpn={}", names.join(","))
        }
        2 => "no-default-alpn".to_owned(),
        3 => format!("port={}", be16(value, 0).unwrap_or(0)),
        4 => {
            let hints = addresses(4).filter_map(|address| chunk(address, 0));
            format!(
                "ipv4hint={}",
                hints.map(text::ipv4).collect::<Vec<_>>().join(",")
            )
        }
        5 => format!("ech={} bytes", value.len()),
        6 => {
            let hints = addresses(16).filter_map(|address| chunk(address, 0));
            format!(
                "ipv6hint={}",
                hints.map(text::ipv6).collect::<Vec<_>>().join(",")
            )
        }
        other => format!("key{other}={}", hex(value)),
    }
}

/// RFC 4034 §4.1.2: types in windows of 256.
fn types(mut map: &[u8]) -> String {
    let mut shown = String::new();
    let mut count = 0;
    while let Some((&[window, length], rest)) = map.split_first_chunk::<2>() {
        let Some((bits, behind)) = rest.split_at_checked(length.into()) else {
            break;
        };
        for (place, byte) in bits.iter().enumerate() {
            for bit in (0..8u16).filter(|bit| byte >> (7 - bit) & 1 == 1) {
                count += 1;
                if count <= MOST_TYPES {
                    shown.push(' ');
                    shown.push_str(&kind(u16::from(window) << 8 | (place as u16 * 8 + bit)));
                }
            }
        }
        map = behind;
    }
    shown
}

fn kind(number: u16) -> String {
    kind_name(number).map_or_else(|| format!("TYPE{number}"), str::to_owned)
}

fn dot(name: String) -> String {
    if name.is_empty() {
        ".".to_owned()
    } else {
        name
    }
}

fn salt(salt: &[u8]) -> String {
    if salt.is_empty() {
        "-".to_owned()
    } else {
        hex(salt)
    }
}

fn quoted(value: &[u8]) -> String {
    let shown = value.get(..4 * SHOWN).unwrap_or(value);
    format!("\"{}\"", printable(shown))
}

fn hex(bytes: &[u8]) -> String {
    let mut shown = String::new();
    let cut = bytes.get(..SHOWN).unwrap_or(bytes);
    cut.iter()
        .for_each(|&byte| text::push_hex(byte, &mut shown));
    if cut.len() < bytes.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: u16, raw: &[u8]) -> Option<String> {
        text(raw, kind, 0, raw)
    }

    #[test]
    fn rare_types_read_as_in_zone_files() {
        let cases: [(u16, &[u8], &str); 8] = [
            (257, b"\0\x05issueca.example", "0 issue \"ca.example\""),
            (52, &[3, 1, 1, 0xab], "3 1 1 ab"),
            (43, &[0, 5, 8, 2, 0xcd], "5 8 2 cd"),
            (44, &[4, 2, 1], "4 2 01"),
            (47, b"\x01a\0\0\x02\x40\x01", "a A MX"),
            (
                65,
                b"\0\x01\0\0\x01\0\x03\x02h2\0\x04\0\x04\x0a\0\0\x01",
                "1 . alpn=h2 ipv4hint=10.0.0.1",
            ),
            (
                35,
                b"\0\x01\0\x02\x01S\x03SIP\0\x01x\0",
                "1 2 \"S\" \"SIP\" \"\" x",
            ),
            (65280, &[1, 2], "\\# 2 0102"),
        ];
        for (kind, raw, expected) in cases {
            assert_eq!(shown(kind, raw).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_a_server_wrote_into_texts_stays_on_one_line() {
        for (kind, raw) in [
            (257, &b"\0\x05is\nsuea\x1b[2J"[..]),
            (65, b"\0\x01\0\0\x01\0\x03\x02\n2"),
            (35, b"\0\x01\0\x02\x01\r\x01\n\0\x01x\0"),
        ] {
            let shown = shown(kind, raw).expect("whole");
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
    }

    #[test]
    fn data_that_is_cut_has_no_text() {
        for kind in [35, 39, 43, 46, 47, 48, 50, 51, 52, 64, 256, 257] {
            assert_eq!(shown(kind, &[9]), None, "{kind}");
        }
    }
}
