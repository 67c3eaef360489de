// SPDX-License-Identifier: Apache-2.0
//! A small JSON writer: objects and lists appended to a string.

use std::fmt::Write as _;

/// Appends JSON; the caller keeps brackets balanced. Commas come by themselves.
pub struct Json<'a> {
    out: &'a mut String,
}

impl<'a> Json<'a> {
    pub fn new(out: &'a mut String) -> Self {
        Self { out }
    }

    fn comma(&mut self) {
        if !matches!(
            self.out.as_bytes().last(),
            None | Some(b'{' | b'[' | b':' | b',' | b'\n')
        ) {
            self.out.push(',');
        }
    }

    fn name(&mut self, name: &str) -> &mut Self {
        self.comma();
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
        self
    }

    pub fn open(&mut self) -> &mut Self {
        self.comma();
        self.out.push('{');
        self
    }

    pub fn close(&mut self) -> &mut Self {
        self.out.push('}');
        self
    }

    pub fn object(&mut self, name: &str) -> &mut Self {
        self.name(name);
        self.out.push('{');
        self
    }

    pub fn list(&mut self, name: &str) -> &mut Self {
        self.name(name);
        self.out.push('[');
        self
    }

    pub fn end_list(&mut self) -> &mut Self {
        self.out.push(']');
        self
    }

    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        push_quoted(value, self.out);
        self
    }

    /// Write only a value that is not empty.
    pub fn text_if(&mut self, name: &str, value: &str) -> &mut Self {
        if value.is_empty() {
            self
        } else {
            self.text(name, value)
        }
    }

    pub fn number(&mut self, name: &str, value: impl TryInto<i128>) -> &mut Self {
        self.name(name);
        // 128 bits hold every integer type there is below.
        push_integer(value.try_into().unwrap_or_default(), self.out);
        self
    }

    /// Write only a number that is not 0.
    pub fn number_if(&mut self, name: &str, value: u64) -> &mut Self {
        if value == 0 {
            self
        } else {
            self.number(name, value)
        }
    }

    /// An id: lower-case hex without leading zeros.
    pub fn hex(&mut self, name: &str, value: u64) -> &mut Self {
        self.name(name);
        self.out.push('"');
        push_hex(value, self.out);
        self.out.push('"');
        self
    }

    pub fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.name(name);
        self.out.push_str(if value { "true" } else { "false" });
        self
    }

    /// Insert text that is JSON already.
    pub fn raw(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.out.push_str(value);
        self
    }

    /// Insert the members of an object that is JSON already.
    pub fn members(&mut self, members: &str) -> &mut Self {
        if !members.is_empty() {
            self.comma();
            self.out.push_str(members);
        }
        self
    }

    pub fn item(&mut self, value: &str) -> &mut Self {
        self.comma();
        push_quoted(value, self.out);
        self
    }
}

/// Append an integer; several times as fast as `write!`, which a report does some thirty times.
pub fn push_integer(value: i128, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    let mut rest = value.unsigned_abs() as u64;
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    push_ascii(&digits[at..], out);
}

/// Append an id as people see it: lower-case hex without leading zeros.
pub fn push_hex(value: u64, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let width = (16 - value.leading_zeros() as usize / 4).max(1);
    let mut digits = [0u8; 16];
    for (index, digit) in digits[..width].iter_mut().enumerate() {
        *digit = DIGITS[(value >> (4 * (width - 1 - index))) as usize & 15];
    }
    push_ascii(&digits[..width], out);
}

fn push_ascii(digits: &[u8], out: &mut String) {
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

pub fn push_quoted(value: &str, out: &mut String) {
    out.push('"');
    if value
        .bytes()
        .all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
    {
        out.push_str(value);
    } else {
        push_escaped(value, out);
    }
    out.push('"');
}

fn push_escaped(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_ids_read_like_those_of_the_standard_library() {
        for value in [0u64, 7, 10, 255, 4096, u64::MAX] {
            let mut out = String::new();
            push_integer(value.into(), &mut out);
            push_hex(value, &mut out);
            assert_eq!(out, format!("{value}{value:x}"));
        }
        let mut out = String::new();
        push_integer(i64::MIN.into(), &mut out);
        assert_eq!(out, i64::MIN.to_string());
    }

    #[test]
    fn commas_come_by_themselves_and_control_characters_are_escaped() {
        let mut out = String::new();
        Json::new(&mut out)
            .open()
            .number("a", 1)
            .text("b", "x\"\\\u{1}\n")
            .list("c")
            .item("y")
            .item("z")
            .end_list()
            .object("d")
            .close()
            .close();
        assert_eq!(out, r#"{"a":1,"b":"x\"\\\u0001\n","c":["y","z"],"d":{}}"#);
    }
}
