// SPDX-License-Identifier: Apache-2.0
//! DNS of one flow: questions matched with answers by id, and the last message, written out when reported.

use netsonde_packet::dns::{self, Question, Record, RecordData};
use netsonde_packet::text;

use crate::ids::push_base64;
use crate::json::Json;

/// One socket rarely has more questions open; the oldest gives way.
const PENDING: usize = 8;
/// Longer messages are kept cut; their first records can still be read.
const MAX_KEPT: usize = 4096;
/// The pseudo-record of EDNS.
const OPT: u16 = 41;

#[derive(Clone, Debug, Default)]
pub(crate) struct DnsState {
    pending: Vec<(u16, i64)>,
    questions: u32,
    answers: u32,
    latency_ns: i64,
    max_latency_ns: i64,
    last_ns: i64,
    last: Box<[u8]>,
}

impl DnsState {
    /// Note a message. Return whether it is a question, `None` when it is no DNS.
    pub(crate) fn message(&mut self, message: &[u8], ts_ns: i64) -> Option<bool> {
        let header = dns::header(message)?;
        let question = !header.response();
        if question {
            self.question(header.id, ts_ns);
        } else {
            self.answer(header.id, ts_ns);
        }
        self.last_ns = ts_ns;
        self.last = message.get(..MAX_KEPT).unwrap_or(message).into();
        Some(question)
    }

    fn question(&mut self, id: u16, ts_ns: i64) {
        self.questions = self.questions.saturating_add(1);
        if self.pending.len() == PENDING {
            self.pending.remove(0);
        }
        self.pending.push((id, ts_ns));
    }

    fn answer(&mut self, id: u16, ts_ns: i64) {
        self.answers = self.answers.saturating_add(1);
        if let Some(index) = self.pending.iter().position(|&(asked, _)| asked == id) {
            let (_, asked_ns) = self.pending.remove(index);
            self.latency_ns = ts_ns - asked_ns;
            self.max_latency_ns = self.max_latency_ns.max(self.latency_ns);
        }
    }

    pub(crate) fn write(&self, out: &mut String) {
        let Some(header) = dns::header(&self.last) else {
            return;
        };
        let sections = dns::sections(&self.last);
        let flag = |bit: u16| header.flags & bit != 0;
        let mut json = Json::new(out);
        json.open()
            .number("ID", header.id)
            .flag("QR", header.response());
        json.text("op_code", dns::op_code_name(header.op_code()));
        json.flag("AA", flag(0x0400))
            .flag("TC", flag(0x0200))
            .flag("RD", flag(0x0100))
            .flag("RA", flag(0x0080));
        json.number("Z", header.flags >> 4 & 7);
        json.text(
            "response_code",
            dns::response_code_name(response_code(&header, &sections)),
        );
        json.number("q_d_count", header.questions)
            .number("a_n_count", header.answers);
        json.number("n_s_count", header.authorities)
            .number("a_r_count", header.additionals);
        json.list("questions");
        sections
            .questions
            .iter()
            .for_each(|question| write_question(question, &mut json));
        json.end_list();
        let lists = [
            ("answers", sections.answers),
            ("authorities", sections.authorities),
            ("additionals", sections.additionals),
        ];
        for (name, records) in lists {
            json.list(name);
            records
                .iter()
                .for_each(|record| write_record(record, &mut json));
            json.end_list();
        }
        let seconds = self.last_ns.div_euclid(1_000_000_000);
        json.object("timestamp").number("seconds", seconds);
        json.number("nanos", self.last_ns.rem_euclid(1_000_000_000))
            .close();
        json.number("latency", self.latency_ns)
            .number("max_latency", self.max_latency_ns);
        json.number("questions_seen", self.questions)
            .number("answers_seen", self.answers);
        json.number("unanswered", self.pending.len() as u64).close();
    }
}

/// The code with the bits that EDNS adds (RFC 6891 §6.1.3).
pub(crate) fn response_code(header: &dns::Header, sections: &dns::Sections<'_>) -> u16 {
    let edns = sections
        .additionals
        .iter()
        .find(|record| record.kind == OPT);
    let higher = edns.map_or(0, |record| (record.ttl >> 24) as u16);
    higher << 4 | u16::from(header.response_code())
}

fn write_question(question: &Question, json: &mut Json<'_>) {
    json.open().text("name", &question.name);
    write_kind(question.kind, question.class, json);
    // mDNS only.
    if question.class & dns::TOP_BIT != 0 {
        json.flag("unicast", true);
    }
    json.close();
}

fn write_kind(kind: u16, class: u16, json: &mut Json<'_>) {
    json.text(
        "type",
        &dns::kind_name(kind).map_or_else(|| format!("TYPE{kind}"), str::to_owned),
    );
    // The class of an EDNS pseudo-record is the sender's UDP payload size.
    if kind == OPT {
        json.number("udp_size", class);
    } else {
        json.text(
            "class",
            &dns::class_name(class).map_or_else(|| format!("CLASS{class}"), str::to_owned),
        );
    }
}

fn write_record(record: &Record<'_>, json: &mut Json<'_>) {
    json.open().text("name", &record.name);
    write_kind(record.kind, record.class, json);
    if record.kind == OPT {
        json.number("edns_version", record.ttl >> 16 & 0xff);
        json.flag("DO", record.ttl & 0x8000 != 0);
    } else {
        json.number("TTL", record.ttl);
        if record.class & dns::TOP_BIT != 0 {
            json.flag("cache_flush", true);
        }
    }
    json.number("data_length", record.raw.len() as u64);
    write_data(&record.data, json);
    json.close();
}

fn write_data(data: &RecordData<'_>, json: &mut Json<'_>) {
    match data {
        RecordData::A(address) => json.text("IP", &text::ipv4(*address)),
        RecordData::Aaaa(address) => json.text("IP", &text::ipv6(*address)),
        RecordData::Ns(name) => json.text("NS", name),
        RecordData::Cname(name) => json.text("c_name", name),
        RecordData::Ptr(name) => json.text("PTR", name),
        RecordData::Mx { preference, name } => json
            .object("MX")
            .number("preference", *preference)
            .text("name", name)
            .close(),
        RecordData::Srv {
            priority,
            weight,
            port,
            name,
        } => {
            json.object("SRV")
                .number("priority", *priority)
                .number("weight", *weight);
            json.number("port", *port).text("name", name).close()
        }
        RecordData::Soa {
            m_name,
            r_name,
            serial,
            refresh,
            retry,
            expire,
            minimum,
        } => {
            json.object("SOA")
                .text("m_name", m_name)
                .text("r_name", r_name)
                .number("serial", *serial);
            json.number("refresh", *refresh).number("retry", *retry);
            json.number("expire", *expire)
                .number("minimum", *minimum)
                .close()
        }
        RecordData::Txt(strings) => {
            json.list("TXTs");
            for string in strings {
                json.item(&String::from_utf8_lossy(string));
            }
            json.end_list()
        }
        RecordData::Opt(options) => {
            json.list("OPT");
            for (code, content) in options {
                let mut data = String::new();
                push_base64(content, &mut data);
                json.open()
                    .number("code", *code)
                    .text("data", &data)
                    .close();
            }
            json.end_list()
        }
        RecordData::Text(text) => json.text("data", text),
    };
}
