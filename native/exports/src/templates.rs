// SPDX-License-Identifier: Apache-2.0
//! Templates of one exporter, bounded in number and length, forgotten when they are not told again.

use crate::cursor::Cursor;

/// Templates of an exporter, and fields of one; the longest that real exporters send have some 60.
const MOST_TEMPLATES: usize = 256;
const MOST_FIELDS: usize = 256;
/// Fields of all templates of an exporter: 64 KiB, so that all exporters together hold 32 MiB at most, whoever they are.
const MOST_IN_ALL: usize = 8192;
/// Time after which a template that was not told again is not believed any more: exporters repeat theirs each few
/// minutes (RFC 7011 §8.4), by default of most within half an hour.
const LIFETIME_NS: i64 = 1_800_000_000_000;
/// Length of a field whose records say how long it is (RFC 7011 §7).
pub(crate) const VARIABLE: u16 = u16::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// 0 = IANA's.
    pub(crate) enterprise: u32,
    pub(crate) id: u16,
    pub(crate) length: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) fields: Vec<Field>,
    /// Describes options, not flows.
    pub(crate) options: bool,
}

impl Template {
    /// Bytes of the shortest record.
    fn least(&self) -> usize {
        let of = |field: &Field| match field.length {
            VARIABLE => 1,
            length => usize::from(length),
        };
        self.fields.iter().map(of).sum()
    }

    /// Whether records can be told apart: a record without bytes would repeat for ever.
    fn usable(&self) -> bool {
        self.fields.len() <= MOST_FIELDS && self.least() > 0
    }

    /// Whether what is left can still hold a record; else it is padding.
    pub(crate) fn fits(&self, left: &Cursor<'_>) -> bool {
        left.len() >= self.least()
    }

    /// Give the next record's fields to `take`; None when it is cut.
    pub(crate) fn record<'a>(
        &self,
        data: &mut Cursor<'a>,
        mut take: impl FnMut(&Field, &'a [u8]),
    ) -> Option<()> {
        for field in &self.fields {
            let length = match field.length {
                VARIABLE => match data.u8()? {
                    u8::MAX => usize::from(data.u16()?),
                    short => usize::from(short),
                },
                length => usize::from(length),
            };
            take(field, data.bytes(length)?);
        }
        Some(())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Templates {
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    id: u16,
    template: Template,
    told_ns: i64,
}

impl Templates {
    /// Remember a template; false when it makes no sense or there are too many.
    pub(crate) fn learn(&mut self, id: u16, template: Template, now_ns: i64) -> bool {
        if !template.usable() {
            self.forget(id);
            return false;
        }
        let known = Known {
            id,
            template,
            told_ns: now_ns,
        };
        self.forget(id);
        if !self.has_room(&known.template) {
            self.known.retain(|known| known.is_fresh(now_ns));
        }
        let room = self.has_room(&known.template);
        if room {
            self.known.push(known);
        }
        room
    }

    fn has_room(&self, template: &Template) -> bool {
        let fields = |known: &Known| known.template.fields.len();
        let all: usize = self.known.iter().map(fields).sum();
        self.known.len() < MOST_TEMPLATES && all + template.fields.len() <= MOST_IN_ALL
    }

    pub(crate) fn forget(&mut self, id: u16) {
        self.known.retain(|known| known.id != id);
    }

    /// Forget all templates of one kind.
    pub(crate) fn forget_all(&mut self, options: bool) {
        self.known.retain(|known| known.template.options != options);
    }

    pub(crate) fn find(&self, id: u16, now_ns: i64) -> Option<&Template> {
        self.known
            .iter()
            .find(|known| known.id == id && known.is_fresh(now_ns))
            .map(|known| &known.template)
    }
}

impl Known {
    fn is_fresh(&self, now_ns: i64) -> bool {
        now_ns.saturating_sub(self.told_ns) <= LIFETIME_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(lengths: &[u16]) -> Template {
        let fields = lengths.iter().map(|&length| Field {
            enterprise: 0,
            id: 1,
            length,
        });
        Template {
            fields: fields.collect(),
            options: false,
        }
    }

    #[test]
    fn a_flood_of_templates_stays_within_the_bound_and_leaves_room_when_it_is_old() {
        let mut templates = Templates::default();
        let learnt = (256..u16::MAX).filter(|&id| templates.learn(id, template(&[4]), 0));
        assert_eq!(learnt.count(), MOST_TEMPLATES);
        assert!(templates.learn(60_000, template(&[4]), LIFETIME_NS + 1));
        assert_eq!(templates.known.len(), 1);
    }

    #[test]
    fn long_templates_are_bounded_by_their_fields_and_may_be_told_again() {
        let mut templates = Templates::default();
        let long = || template(&[4; MOST_FIELDS]);
        let learnt = (256..512).filter(|&id| templates.learn(id, long(), 0));
        assert_eq!(learnt.count(), MOST_IN_ALL / MOST_FIELDS);
        assert!(templates.learn(256, long(), 0));
    }

    #[test]
    fn templates_of_empty_or_endless_records_are_refused() {
        let mut templates = Templates::default();
        assert!(!templates.learn(256, template(&[]), 0));
        assert!(!templates.learn(256, template(&[0, 0]), 0));
        assert!(!templates.learn(256, template(&[1; 5000]), 0));
    }

    #[test]
    fn a_template_that_is_not_told_again_is_forgotten() {
        let mut templates = Templates::default();
        templates.learn(256, template(&[4]), 0);
        assert!(templates.find(256, LIFETIME_NS).is_some());
        assert!(templates.find(256, LIFETIME_NS + 1).is_none());
    }

    #[test]
    fn fields_may_say_their_length_in_one_byte_or_three() {
        let mut data = vec![2, b'a', b'b', 255, 1, 0];
        data.extend([7; 256]);
        let mut lengths = Vec::new();
        let mut cursor = Cursor::new(&data);
        let read = template(&[VARIABLE, VARIABLE])
            .record(&mut cursor, |_, bytes| lengths.push(bytes.len()));
        assert_eq!((read, lengths, cursor.len()), (Some(()), vec![2, 256], 0));
    }
}
