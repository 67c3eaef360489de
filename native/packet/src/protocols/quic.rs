// SPDX-License-Identifier: Apache-2.0
//! QUIC (RFC 9000; version 2: RFC 9369): connections by their long headers, and the client's hello in their first packets.
//!
//! These are encrypted with keys that follow from a connection id in clear (RFC 9001 §5.2): against accidents, not
//! against readers. Whether a packet was forged is not checked, so that one cut by the snaplen can be read too.

use aes::cipher::{Block, BlockEncrypt, KeyInit};
use aes::Aes128;
use hkdf::Hkdf;
use sha2::Sha256;

use crate::bytes::be32;
use crate::facts::Facts;
use crate::hello;
use crate::registry::{no_info, Found, Protocol, Reading, Told};
use crate::{Headers, Layer};

pub(crate) const PROTOCOL: Protocol = Protocol {
    layer: Layer::QUIC,
    found: &[Found::Udp(443)],
    read,
    shown: "QUIC",
    info: no_info,
    told: Told::Nothing,
};

const LONG: u8 = 0x80;
const FIXED: u8 = 0x40;
const LONGEST_ID: u8 = 20;
const VERSION_1: u32 = 1;
const VERSION_2: u32 = 0x6b33_43cf;

/// A long header of any version (RFC 8999 §5.1), or a short one, which tells no more than its first bits.
fn read<'a>(headers: &mut Headers<'a>, data: &'a [u8]) -> Reading {
    let Some(&first) = data.first() else {
        return Reading::TooShort;
    };
    if first & (LONG | FIXED) == 0 {
        return Reading::Other;
    }
    if first & LONG != 0 {
        let Some(&length) = data.get(5) else {
            return Reading::TooShort;
        };
        if length > LONGEST_ID {
            return Reading::Other;
        }
    }
    headers.layers.push(Layer::QUIC);
    Reading::Mine
}

/// Return the version that a long header names; `None` for a short one, and for the server's list of versions.
pub fn version(datagram: &[u8]) -> Option<u32> {
    let long = datagram.first().is_some_and(|first| first & LONG != 0);
    be32(datagram, 1).filter(|version| long && *version != 0)
}

pub fn version_name(version: u32) -> String {
    match version {
        VERSION_1 => "1".to_owned(),
        VERSION_2 => "2".to_owned(),
        // RFC 9000 §15: drafts.
        draft if draft >> 8 == 0x00ff_0000 => format!("draft-{}", draft & 0xff),
        other => format!("0x{other:08x}"),
    }
}

/// Call `piece` with place and bytes of each piece of the hello that the client's first packets in a datagram hold.
pub fn hello_pieces(datagram: &[u8], mut piece: impl FnMut(usize, &[u8])) {
    let mut rest = datagram;
    while let Some((packet, behind)) = Initial::take(rest) {
        if let Some(packet) = packet {
            frames(&packet.decrypted(), &mut piece);
        }
        rest = behind;
    }
}

/// Read the client's hello, the handshake message that `bytes` begin with; `None` while it is not there whole.
pub fn client_hello(bytes: &[u8]) -> Option<Facts> {
    let head = be32(bytes, 0)?;
    let mut facts = Facts::default();
    if head >> 24 == 1 {
        let body = bytes.get(4..4 + (head & 0x00ff_ffff) as usize)?;
        hello::client(body, 'q', &mut facts);
    }
    Some(facts)
}

/// An Initial packet, still protected.
struct Initial<'a> {
    version: u32,
    destination: &'a [u8],
    /// From the first byte on.
    bytes: &'a [u8],
    number_at: usize,
}

impl<'a> Initial<'a> {
    /// Take the packet at the beginning, `None` inside when it is of another kind, and what is behind it.
    fn take(data: &'a [u8]) -> Option<(Option<Self>, &'a [u8])> {
        let &first = data.first()?;
        if first & (LONG | FIXED) != LONG | FIXED {
            return None;
        }
        let version = be32(data, 1)?;
        let mut at = 5;
        let destination = id(data, &mut at)?;
        id(data, &mut at)?;
        let initial = match version {
            VERSION_1 => 0,
            VERSION_2 => 1,
            _ => return None,
        };
        let kind = first >> 4 & 3;
        if kind == initial {
            let token = usize::try_from(varint(data, &mut at)?).ok()?;
            at = at.checked_add(token)?;
        } else if kind == (initial + 3) % 4 {
            // A retry has no length and no hello.
            return None;
        }
        let length = usize::try_from(varint(data, &mut at)?).ok()?;
        let end = at.checked_add(length)?.min(data.len());
        let (bytes, behind) = data.split_at(end);
        let packet = (kind == initial).then_some(Self {
            version,
            destination,
            bytes,
            number_at: at,
        });
        Some((packet, behind))
    }

    /// Decrypt the frames (RFC 9001 §5.3, §5.4); nothing when the packet is too short.
    fn decrypted(&self) -> Vec<u8> {
        self.decrypt().unwrap_or_default()
    }

    fn decrypt(&self) -> Option<Vec<u8>> {
        let keys = Keys::of_client(self.version, self.destination)?;
        let sample = self.bytes.get(self.number_at + 4..)?.first_chunk::<16>()?;
        let mask = keys.mask(sample);
        let length = usize::from((self.bytes.first()? ^ mask[0]) & 3) + 1;
        let number = self.bytes.get(self.number_at..self.number_at + length)?;
        let number = number
            .iter()
            .zip(&mask[1..])
            .fold(0u32, |number, (byte, mask)| {
                number << 8 | u32::from(byte ^ mask)
            });
        let mut frames = self.bytes.get(self.number_at + length..)?.to_vec();
        keys.xor(number, &mut frames);
        Some(frames)
    }
}

struct Keys {
    payload: Aes128,
    header: Aes128,
    iv: [u8; 12],
}

impl Keys {
    /// Keys of what the client sends to the connection id that it chose (RFC 9001 §5.2, RFC 9369 §3.3).
    fn of_client(version: u32, destination: &[u8]) -> Option<Self> {
        const SALT_1: [u8; 20] = [
            0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
            0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
        ];
        const SALT_2: [u8; 20] = [
            0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
            0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
        ];
        let (salt, names) = if version == VERSION_2 {
            (SALT_2, ["quicv2 key", "quicv2 iv", "quicv2 hp"])
        } else {
            (SALT_1, ["quic key", "quic iv", "quic hp"])
        };
        let (_, initial) = Hkdf::<Sha256>::extract(Some(&salt), destination);
        let client = Hkdf::from_prk(&expand::<32>(&initial, "client in")?).ok()?;
        let [key, iv, header] = names;
        Some(Self {
            payload: Aes128::new(&expand::<16>(&client, key)?.into()),
            header: Aes128::new(&expand::<16>(&client, header)?.into()),
            iv: expand(&client, iv)?,
        })
    }

    fn mask(&self, sample: &[u8; 16]) -> [u8; 16] {
        let mut block = Block::<Aes128>::from(*sample);
        self.header.encrypt_block(&mut block);
        block.into()
    }

    /// Encrypt or decrypt: AES-128-GCM is a stream whose blocks for data count from 2 (NIST SP 800-38D §7.1).
    fn xor(&self, number: u32, data: &mut [u8]) {
        let mut nonce = [0; 16];
        nonce[..12].copy_from_slice(&self.iv);
        for (byte, number) in nonce[8..12].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        for (counter, chunk) in (2u32..).zip(data.chunks_mut(16)) {
            nonce[12..].copy_from_slice(&counter.to_be_bytes());
            let mut block = Block::<Aes128>::from(nonce);
            self.payload.encrypt_block(&mut block);
            for (byte, key) in chunk.iter_mut().zip(block) {
                *byte ^= key;
            }
        }
    }
}

/// HKDF-Expand-Label (RFC 8446 §7.1) with an empty context; `None` for keys of absurd length.
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> Option<[u8; N]> {
    let mut info = vec![0, N as u8, 6 + label.len() as u8];
    info.extend(b"tls13 ");
    info.extend(label.as_bytes());
    info.push(0);
    let mut key = [0; N];
    secret.expand(&info, &mut key).ok()?;
    Some(key)
}

/// Find the pieces of the handshake among the frames of an Initial packet (RFC 9000 §12.4).
fn frames(data: &[u8], piece: &mut impl FnMut(usize, &[u8])) {
    let mut at = 0;
    let mut next = || -> Option<()> {
        loop {
            let kind = varint(data, &mut at)?;
            match kind {
                // Padding, ping.
                0 | 1 => {}
                2 | 3 => acknowledgement(data, &mut at, kind == 3)?,
                6 => {
                    let place = usize::try_from(varint(data, &mut at)?).ok()?;
                    let length = usize::try_from(varint(data, &mut at)?).ok()?;
                    let end = at.checked_add(length)?;
                    // The snaplen may have cut it.
                    piece(place, data.get(at..end.min(data.len()))?);
                    at = end;
                }
                _ => return None,
            }
        }
    };
    let _ = next();
}

fn acknowledgement(data: &[u8], at: &mut usize, counts_ecn: bool) -> Option<()> {
    varint(data, at)?;
    varint(data, at)?;
    let ranges = varint(data, at)?;
    let more = if counts_ecn { 3 } else { 0 };
    // Each number takes at least a byte: what claims more ends by itself.
    for _ in 0..ranges.checked_mul(2)?.checked_add(1 + more)? {
        varint(data, at)?;
    }
    Some(())
}

fn id<'a>(data: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let length = *data.get(*at)?;
    let begin = *at + 1;
    let end = begin + usize::from(length);
    *at = end;
    data.get(begin..end).filter(|_| length <= LONGEST_ID)
}

/// RFC 9000 §16: two bits of length, then the number.
fn varint(data: &[u8], at: &mut usize) -> Option<u64> {
    let first = *data.get(*at)?;
    let length = 1usize << (first >> 6);
    let bytes = data.get(*at..*at + length)?;
    *at += length;
    let rest = bytes.iter().skip(1);
    Some(rest.fold(u64::from(first & 0x3f), |sum, &byte| {
        sum << 8 | u64::from(byte)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESTINATION: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
    /// RFC 9001 §A.2: the first sixteen bytes of frames, and what they become.
    const PLAIN: u128 = 0x0600_40f1_0100_00ed_0303_ebf8_fa56_f129;
    const SAMPLE: u128 = 0xd1b1_c98d_d768_9fb8_ec11_d242_b123_dc9b;

    #[test]
    fn keys_are_those_of_the_rfcs_example() {
        let keys = Keys::of_client(VERSION_1, &DESTINATION).expect("keys");
        assert_eq!(
            keys.iv,
            0xfa04_4b2f_42a3_fd3b_46fb_255c_u128.to_be_bytes()[4..]
        );
        assert_eq!(
            keys.mask(&SAMPLE.to_be_bytes())[..5],
            [0x43, 0x7b, 0x9a, 0xec, 0x36]
        );
        let mut data = SAMPLE.to_be_bytes();
        keys.xor(2, &mut data);
        assert_eq!(data, PLAIN.to_be_bytes());
    }

    #[test]
    fn keys_of_version_2_are_those_of_its_example() {
        let keys = Keys::of_client(VERSION_2, &DESTINATION).expect("keys");
        assert_eq!(
            keys.iv,
            0x91f7_3e23_51d8_fa91_660e_909f_u128.to_be_bytes()[4..]
        );
    }

    #[test]
    fn numbers_that_are_cut_end_the_reading() {
        for data in [
            &[][..],
            &[0xc0],
            &[6, 0x40],
            &[2, 0, 0, 0xbf, 0xff, 0xff, 0xff, 0],
        ] {
            frames(data, &mut |_, _| panic!("a piece in {data:?}"));
        }
        frames(&[6, 1, 9, 7], &mut |place, bytes| {
            assert_eq!((place, bytes), (1, &[7][..]));
        });
    }

    #[test]
    fn versions_have_names() {
        let names = [1, VERSION_2, 0xff00_001d, 0x0a1a_2a3a].map(version_name);
        assert_eq!(names, ["1", "2", "draft-29", "0x0a1a2a3a"]);
    }
}
