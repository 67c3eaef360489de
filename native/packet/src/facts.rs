// SPDX-License-Identifier: Apache-2.0
//! What a message says, as named values: members of a block of the flow record.

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<String>),
}

/// Named values in the order in which they are shown; a name is there once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(Vec<(&'static str, Fact)>);

impl Facts {
    /// A value is cut there: hostile messages are not to fill records.
    const LONGEST: usize = 256;
    const MOST_OF_A_LIST: usize = 32;

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Fact)> {
        self.0.iter().map(|(name, fact)| (*name, fact))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, wanted: &str) -> Option<&Fact> {
        self.iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, fact)| fact)
    }

    /// Set a value; one of the same name gives way.
    pub fn set(&mut self, name: &'static str, fact: Fact) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = fact,
            None => self.0.push((name, fact)),
        }
    }

    pub fn number(&mut self, name: &'static str, value: impl Into<u64>) {
        self.set(name, Fact::Number(value.into()));
    }

    pub fn flag(&mut self, name: &'static str, value: bool) {
        self.set(name, Fact::Flag(value));
    }

    /// Set a text that is not empty.
    pub fn text(&mut self, name: &'static str, value: impl Into<String>) {
        let value = cut(value.into());
        if !value.is_empty() {
            self.set(name, Fact::Text(value));
        }
    }

    /// Set a text of bytes from the wire: what is no UTF-8, and control characters, become U+FFFD.
    pub fn bytes(&mut self, name: &'static str, value: &[u8]) {
        let value = value.get(..Self::LONGEST).unwrap_or(value);
        self.text(name, printable(value));
    }

    /// Set a list that is not empty.
    pub fn list(&mut self, name: &'static str, values: Vec<String>) {
        if !values.is_empty() {
            let shown = values.into_iter().take(Self::MOST_OF_A_LIST).map(cut);
            self.set(name, Fact::List(shown.collect()));
        }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > Facts::LONGEST {
        let end = (0..=Facts::LONGEST)
            .rev()
            .find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
    }
    text
}

/// Bytes of a packet as one line: control characters become U+FFFD.
pub fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|character| {
            if character.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                character
            }
        })
        .collect()
}

/// A line of "name value" for a packet list.
pub(crate) fn line(facts: &Facts) -> String {
    let words = facts.iter().map(|(name, fact)| match fact {
        Fact::Text(text) => format!("{name} {text}"),
        Fact::Number(number) => format!("{name} {number}"),
        Fact::Flag(true) => name.to_owned(),
        Fact::Flag(false) => format!("no {name}"),
        Fact::List(values) => format!("{name} {}", values.join(",")),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_and_lists_are_cut_and_empty_ones_left_out() {
        let mut facts = Facts::default();
        facts.text("long", "ä".repeat(200));
        facts.bytes("bytes", b"a\nb\xff");
        facts.text("empty", "");
        facts.list("none", Vec::new());
        facts.list("many", vec![String::new(); 100]);
        facts.number("n", 1u8);
        facts.number("n", 2u8);
        let Some(Fact::Text(long)) = facts.get("long") else {
            panic!("{facts:?}");
        };
        assert_eq!(long.len(), 256);
        assert_eq!(
            facts.get("bytes"),
            Some(&Fact::Text("a\u{fffd}b\u{fffd}".into()))
        );
        assert_eq!(
            facts.get("many"),
            Some(&Fact::List(vec![String::new(); 32]))
        );
        assert_eq!(facts.get("n"), Some(&Fact::Number(2)));
        assert_eq!(facts.iter().count(), 4);
    }
}
