// SPDX-License-Identifier: Apache-2.0
//! The hellos of client and server, in TLS (RFC 8446 §4.1) and QUIC alike, and JA4 of the client's.
//!
//! JA4 (github.com/FoxIO-LLC/ja4, technical_details/JA4.md) of TLS clients is under a BSD licence, unlike its relatives.

use sha2::{Digest, Sha256};

use crate::bytes::be16;
use crate::facts::{printable, Facts};

const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED_HELLO: u16 = 0xfe0d;

/// What JA4 and people want of a client's hello.
#[derive(Default)]
struct Hello<'a> {
    version: u16,
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    signatures: Vec<u16>,
    server_name: Option<&'a [u8]>,
    protocols: Vec<&'a [u8]>,
}

/// Read the body of a client's hello, as far as it goes. `transport` is JA4's letter: t = TCP, q = QUIC.
pub(crate) fn client(body: &[u8], transport: char, facts: &mut Facts) {
    let mut rest = Rest(body);
    let Some(legacy) = rest.number() else {
        return;
    };
    let mut hello = Hello {
        version: legacy,
        ..Hello::default()
    };
    let _ = hello.read(&mut rest);
    if let Some(name) = hello.server_name {
        facts.bytes("server_name", name);
    }
    let shown = |name: &&[u8]| printable(name);
    facts.list("alpn", hello.protocols.iter().map(shown).collect());
    facts.text("offered_version", version_name(hello.version));
    if hello.extensions.contains(&ENCRYPTED_HELLO) {
        facts.flag("encrypted_hello", true);
    }
    facts.text("ja4", hello.ja4(transport));
}

/// Read the body of a server's hello: what was chosen.
pub(crate) fn server(body: &[u8], facts: &mut Facts) {
    let mut rest = Rest(body);
    let Some((mut version, cipher)) = chosen(&mut rest) else {
        return;
    };
    for (kind, value) in Extensions(rest.long().unwrap_or_default()) {
        match kind {
            SUPPORTED_VERSIONS => version = be16(value, 0).unwrap_or(version),
            ALPN => {
                if let Some(name) = protocols(value).first() {
                    facts.bytes("alpn_chosen", name);
                }
            }
            _ => {}
        }
    }
    facts.text("version", version_name(version));
    facts.text("cipher", cipher_name(cipher));
}

fn chosen(rest: &mut Rest<'_>) -> Option<(u16, u16)> {
    let version = rest.number()?;
    rest.take(32)?;
    rest.short()?;
    let cipher = rest.number()?;
    rest.take(1)?;
    Some((version, cipher))
}

impl<'a> Hello<'a> {
    fn read(&mut self, rest: &mut Rest<'a>) -> Option<()> {
        rest.take(32)?;
        rest.short()?;
        let ciphers = rest.long()?;
        self.ciphers = numbers(ciphers);
        rest.short()?;
        for (kind, value) in Extensions(rest.long()?) {
            if grease(kind) {
                continue;
            }
            self.extensions.push(kind);
            match kind {
                // RFC 6066 §3: a list of names, of which only one kind was ever defined.
                SERVER_NAME => {
                    let length = usize::from(be16(value, 3).unwrap_or(0));
                    self.server_name = value.get(5..5 + length);
                }
                ALPN => self.protocols = protocols(value),
                SIGNATURE_ALGORITHMS => {
                    self.signatures = numbers(value.get(2..).unwrap_or_default())
                }
                SUPPORTED_VERSIONS => {
                    let offered = numbers(value.get(1..).unwrap_or_default());
                    self.version = offered.into_iter().max().unwrap_or(self.version);
                }
                _ => {}
            }
        }
        Some(())
    }

    fn ja4(&self, transport: char) -> String {
        let name = if self.extensions.contains(&SERVER_NAME) {
            'd'
        } else {
            'i'
        };
        let mut ciphers = self.ciphers.clone();
        ciphers.sort_unstable();
        let mut extensions: Vec<u16> = self.extensions.clone();
        extensions.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
        extensions.sort_unstable();
        let mut told = hexes(&extensions);
        if !self.signatures.is_empty() {
            told = format!("{told}_{}", hexes(&self.signatures));
        }
        format!(
            "{transport}{}{name}{:02}{:02}{}_{}_{}",
            ja4_version(self.version),
            self.ciphers.len().min(99),
            self.extensions.len().min(99),
            self.ja4_protocol(),
            digest(&hexes(&ciphers)),
            if extensions.is_empty() {
                digest("")
            } else {
                digest(&told)
            },
        )
    }

    /// First and last character of the first protocol, or of its hex form where these are no letters or digits.
    fn ja4_protocol(&self) -> String {
        let first_protocol = self.protocols.first();
        let Some((&first, &last)) = first_protocol.and_then(|name| name.first().zip(name.last()))
        else {
            return "00".to_owned();
        };
        if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
            return [first, last].map(char::from).iter().collect();
        }
        let (high, low) = (format!("{first:02x}"), format!("{last:02x}"));
        high.chars().take(1).chain(low.chars().skip(1)).collect()
    }
}

fn hexes(values: &[u16]) -> String {
    let texts: Vec<String> = values.iter().map(|value| format!("{value:04x}")).collect();
    texts.join(",")
}

/// The first twelve hex digits of SHA-256; zeros for nothing.
fn digest(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let sum = Sha256::digest(text.as_bytes());
    sum.iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Numbers of two bytes, those that mean nothing left out.
fn numbers(list: &[u8]) -> Vec<u16> {
    let pairs = list.chunks_exact(2).filter_map(|pair| be16(pair, 0));
    pairs.filter(|&number| !grease(number)).collect()
}

/// RFC 8701: values that clients strew in so that servers stay used to unknown ones.
fn grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn protocols(value: &[u8]) -> Vec<&[u8]> {
    let mut rest = Rest(value.get(2..).unwrap_or_default());
    let mut found = Vec::new();
    while let Some(name) = rest.short().filter(|name| !name.is_empty()) {
        found.push(name);
    }
    found
}

fn version_name(version: u16) -> String {
    match version {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301 => "1.0".to_owned(),
        0x0302 => "1.1".to_owned(),
        0x0303 => "1.2".to_owned(),
        0x0304 => "1.3".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

fn ja4_version(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// Names of the IANA registry of those that servers choose today.
fn cipher_name(cipher: u16) -> String {
    let name = match cipher {
        0x1301 => "TLS_AES_128_GCM_SHA256",
        0x1302 => "TLS_AES_256_GCM_SHA384",
        0x1303 => "TLS_CHACHA20_POLY1305_SHA256",
        0x1304 => "TLS_AES_128_CCM_SHA256",
        0xc02b => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        0xc02c => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        0xc02f => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        0xc030 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        0xcca8 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        0xcca9 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        0xc013 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        0xc014 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        0x009c => "TLS_RSA_WITH_AES_128_GCM_SHA256",
        0x009d => "TLS_RSA_WITH_AES_256_GCM_SHA384",
        0x002f => "TLS_RSA_WITH_AES_128_CBC_SHA",
        0x0035 => "TLS_RSA_WITH_AES_256_CBC_SHA",
        other => return format!("0x{other:04x}"),
    };
    name.to_owned()
}

/// Bytes read from the front.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        be16(self.take(2)?, 0)
    }

    /// A value behind its length in one byte.
    fn short(&mut self) -> Option<&'a [u8]> {
        let length = *self.take(1)?.first()?;
        self.take(length.into())
    }

    /// A value behind its length in two bytes; as much of it as is there.
    fn long(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.number()?);
        self.take(length.min(self.0.len()))
    }
}

/// Extensions: type and value, up to the first that is cut.
struct Extensions<'a>(&'a [u8]);

impl<'a> Iterator for Extensions<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = Rest(self.0);
        let kind = rest.number()?;
        let length = rest.number()?;
        let value = rest.take(length.into())?;
        self.0 = rest.0;
        Some((kind, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of JA4's own description.
    #[test]
    fn ja4_is_that_of_its_description() {
        let hello = Hello {
            version: 0x0304,
            ciphers: numbers(&[
                0x2a, 0x2a, 0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c,
                0xc0, 0x30, 0xcc, 0xa9, 0xcc, 0xa8, 0xc0, 0x13, 0xc0, 0x14, 0x00, 0x9c, 0x00, 0x9d,
                0x00, 0x2f, 0x00, 0x35,
            ]),
            extensions: vec![
                0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
                0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
            ],
            signatures: vec![
                0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
            ],
            server_name: None,
            protocols: vec![b"h2", b"http/1.1"],
        };
        assert_eq!(hello.ja4('t'), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn ja4_of_protocols_that_are_no_words_takes_their_hex_form() {
        let of = |name: &'static [u8]| {
            let hello = Hello {
                protocols: vec![name],
                ..Hello::default()
            };
            hello.ja4_protocol()
        };
        assert_eq!(of(b"h2"), "h2");
        assert_eq!(of(b"x"), "xx");
        assert_eq!(of(b"\xab"), "ab");
        assert_eq!(of(b"\x30\xab"), "3b");
    }

    #[test]
    fn a_client_that_offers_nothing_has_zeros() {
        assert_eq!(
            Hello::default().ja4('q'),
            "q00i000000_000000000000_000000000000"
        );
    }

    #[test]
    fn a_servers_hello_tells_what_was_chosen() {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0x13, 0x02, 0, 0, 6, 0, 43, 0, 2, 3, 4]);
        let mut facts = Facts::default();
        server(&body, &mut facts);
        assert_eq!(
            crate::facts::line(&facts),
            "version 1.3 cipher TLS_AES_256_GCM_SHA384"
        );
    }
}
