// SPDX-License-Identifier: Apache-2.0
//! Several meters that share the frames of one capture, and give what one would give.
//!
//! Frames come in batches. Each is dealt to one meter, by its outermost pair of addresses, and counted there; if the
//! batch is large the meters count beside each other, and the caller waits for all. What ties flows of several pairs is
//! settled then, in the order of frames: leases, neighbours, errors of ICMP, and which flow gives way to others.
//!
//! What one meter alone would do differently: where so many flows are known that one has to give way, that may be
//! another one; a flow that is idle may end some ticks earlier or later, unless reports are `ordered`; and pieces of
//! packets are given up when others of the same ends, or a tick, come after their time, not when any come.

mod deal;
mod ends;

use std::sync::Arc;

use netsonde_exports::FlowRecord;

use crate::batch::FlowBatch;
use crate::config::MeterConfig;
use crate::meter::{Counted, FlowRef, Frame, Hand, Meter, MeterStats};
use crate::workers::Workers;

pub use deal::{Deal, Dealer, Dealt};

/// Below so many frames waking others costs more than they would save.
const WORTHWHILE: usize = 256;
/// A number of meters that fits `Deal`.
const MOST: usize = 64;

struct Shard {
    meter: Meter,
    hand: Hand,
}

pub struct Sharded {
    /// The first is always there, others from their first frame on: most interfaces have few conversations.
    shards: Vec<Option<Box<Shard>>>,
    dealer: Dealer,
    workers: Arc<Workers>,
    config: MeterConfig,
    /// Memory of `frames`.
    deals: Vec<Deal>,
    /// Memory of `dealt`.
    found: Vec<FlowRef>,
    /// Frames so far.
    frames: u64,
    /// Where closing goes on, see `ends`.
    ending: Option<ends::Ending>,
}

impl Sharded {
    /// Make as many meters as there are workers; with one, nothing is dealt and nothing is settled.
    pub fn new(config: MeterConfig, workers: Arc<Workers>) -> Self {
        let count = workers.threads().clamp(1, MOST);
        let mut meter = Meter::new(config.clone());
        let dealer = Dealer::new(count as u8, &meter);
        if count > 1 {
            meter.become_one_of(0, count);
        }
        let hand = Hand::default();
        let mut shards = vec![Some(Box::new(Shard { meter, hand }))];
        shards.resize_with(count, || None);
        Self {
            shards,
            dealer,
            workers,
            config,
            deals: Vec::new(),
            found: Vec::new(),
            frames: 0,
            ending: None,
        }
    }

    /// From now on have these help: those that were busy with something else until all frames were there.
    pub fn be_helped_by(&mut self, workers: Arc<Workers>) {
        self.workers = workers;
    }

    /// What says where frames go, for `dealt`.
    pub fn dealer(&self) -> Dealer {
        self.dealer.clone()
    }

    pub fn config(&self) -> &MeterConfig {
        &self.config
    }

    /// Count frames in their order, on this thread alone; `found` is then where each was counted.
    pub fn frames(&mut self, frames: &[Frame<'_>], found: &mut Vec<FlowRef>) {
        self.deal_and_count(frames, found, usize::MAX);
    }

    /// The same with the help of others, for who does not keep up: waking them costs more than a calm stream does.
    pub fn frames_beside(&mut self, frames: &[Frame<'_>], found: &mut Vec<FlowRef>) {
        self.deal_and_count(frames, found, WORTHWHILE);
    }

    /// Count frames that the dealer of these meters read and dealt out, in their order.
    pub fn dealt(&mut self, dealt: &Dealt) {
        let frames = &dealt.frames;
        let (first, count) = (self.frames, frames.len());
        self.first().note_read(frames);
        if self.shards.len() == 1 {
            self.frames += count as u64;
            let last = self.frames;
            let meter = self.first();
            meter.count_dissected(frames, first);
            let latest_ns = meter.latest_ns();
            return meter.arrive(last, latest_ns);
        }
        self.deal_out(&dealt.deals);
        self.count(count, WORTHWHILE, |shard| {
            shard
                .meter
                .count_dissected_hand(&mut shard.hand, frames, first);
        });
        let mut found = std::mem::take(&mut self.found);
        self.settle(count, &mut found);
        self.found = found;
    }

    fn deal_and_count(
        &mut self,
        frames: &[Frame<'_>],
        found: &mut Vec<FlowRef>,
        worthwhile: usize,
    ) {
        if self.shards.len() == 1 {
            return self.count_alone(frames, found);
        }
        let mut deals = std::mem::take(&mut self.deals);
        deals.clear();
        deals.extend(frames.iter().map(|frame| self.dealer.deal(frame)));
        // One for each frame, and no more.
        self.deal_out(&deals);
        self.deals = deals;
        let first = self.frames;
        self.count(frames.len(), worthwhile, |shard| {
            shard.meter.count_hand(&mut shard.hand, frames, first);
        });
        self.settle(frames.len(), found);
    }

    /// Give each meter its hand.
    fn deal_out(&mut self, deals: &[Deal]) {
        for (place, deal) in (0..).zip(deals) {
            self.shard(deal.meter).hand.add(place);
            if let Some(quoted) = deal.quoted {
                self.shard(quoted).hand.add_question(place);
            }
        }
    }

    /// Let the meters count what they have in hand of a batch, beside each other if that is worthwhile.
    fn count(&mut self, frames: usize, worthwhile: usize, count: impl Fn(&mut Shard) + Sync) {
        let busy = busy(&mut self.shards);
        if frames < worthwhile {
            busy.for_each(count);
        } else {
            self.workers.each(busy, count);
        }
        self.frames += frames as u64;
    }

    fn count_alone(&mut self, frames: &[Frame<'_>], found: &mut Vec<FlowRef>) {
        found.clear();
        let first = self.frames;
        self.frames += frames.len() as u64;
        let (numbered, last) = ((first..).zip(frames.iter().copied()), self.frames);
        let meter = self.first();
        meter.count_frames(numbered, found);
        let latest_ns = meter.latest_ns();
        meter.arrive(last, latest_ns);
    }

    #[inline]
    fn shard(&mut self, number: u8) -> &mut Shard {
        // The dealer of these meters names no other one.
        let number = usize::from(number).min(self.shards.len() - 1);
        if self.shards[number].is_none() {
            self.add_shard(number);
        }
        match &mut self.shards[number] {
            Some(shard) => shard,
            None => unreachable!("it was made just now"),
        }
    }

    #[cold]
    fn add_shard(&mut self, number: usize) {
        let count = self.shards.len();
        let meter = Meter::beside(self.first(), number, count);
        let hand = Hand::default();
        self.shards[number] = Some(Box::new(Shard { meter, hand }));
    }

    /// Put together what the meters found, and let them know what each other's frames told.
    fn settle(&mut self, count: usize, found: &mut Vec<FlowRef>) {
        found.clear();
        found.resize(count, FlowRef::NONE);
        let (mut answers, mut notes, mut latest_ns) = (Vec::new(), Vec::new(), 0);
        for (number, shard) in (0u8..).zip(&mut self.shards) {
            let Some(shard) = shard else { continue };
            for (place, counted) in shard.hand.counted() {
                found[place as usize] = counted;
            }
            answers.extend_from_slice(&shard.hand.answers);
            notes.extend(
                shard
                    .meter
                    .take_notes()
                    .into_iter()
                    .map(|note| (number, note)),
            );
            latest_ns = latest_ns.max(shard.meter.latest_ns());
            shard.hand.clear();
        }
        answers.sort_unstable_by_key(|&(place, _)| place);
        for (place, uuid) in answers {
            let error = found[place as usize];
            self.shard(error.meter as u8).meter.quotes(error, uuid);
        }
        // Those of one frame are of one meter, and in their order already.
        notes.sort_by_key(|(_, note)| note.at);
        for (number, note) in &notes {
            self.shard(*number).meter.settle(note);
        }
        self.arrive(latest_ns);
        self.make_room(latest_ns);
    }

    fn arrive(&mut self, latest_ns: i64) {
        let frames = self.frames;
        self.meters()
            .for_each(|meter| meter.arrive(frames, latest_ns));
    }

    /// Let the meter with the most flows give up some while all have more than they may.
    fn make_room(&mut self, now_ns: i64) {
        if self.shards.len() == 1 {
            return;
        }
        let most = self.config.most_flows();
        let mut flows: usize = self.meters().map(|meter| meter.flows()).sum();
        while flows > most {
            let Some(fullest) = self.meters().max_by_key(|meter| meter.flows()) else {
                return;
            };
            fullest.evict(now_ns);
            flows -= 1;
        }
    }

    fn meters(&mut self) -> impl Iterator<Item = &mut Meter> {
        let present = self.shards.iter_mut().flatten();
        present.map(|shard| &mut shard.meter)
    }

    fn all(&self) -> impl Iterator<Item = &Meter> {
        self.shards.iter().flatten().map(|shard| &shard.meter)
    }

    fn first(&mut self) -> &mut Meter {
        match &mut self.shards[0] {
            Some(shard) => &mut shard.meter,
            None => unreachable!("the first one is made with all"),
        }
    }

    /// Note that the raw packet of `flow` was kept.
    pub fn kept(&mut self, flow: FlowRef) {
        if let Some(Some(shard)) = self.shards.get_mut(flow.meter as usize) {
            shard.meter.kept(flow);
        }
    }

    /// Count one frame; as with the next three: for one meter alone.
    pub fn frame(&mut self, frame: Frame<'_>) -> FlowRef {
        self.first().frame(frame)
    }

    /// Count one frame out of `rate` for all of them, see `Meter::sampled`.
    pub fn sampled(&mut self, frame: Frame<'_>, rate: u32) -> FlowRef {
        self.first().sampled(frame, rate)
    }

    /// Count what an exporter tells of a flow, see `Meter::record`.
    pub fn record(&mut self, record: &FlowRecord) -> bool {
        self.first().record(record)
    }

    /// Count packets that were told apart by their headers, see `Meter::counted`.
    pub fn counted(&mut self, all: &[Counted<'_>]) {
        self.first().counted(all);
    }

    /// Prepare what is due at `now_ns`, see `Meter::tick`.
    pub fn tick(&mut self, now_ns: i64) {
        self.meters().for_each(|meter| meter.tick(now_ns));
        self.make_room(now_ns);
    }

    /// Append to `out` what is due, see `Meter::take_reports`.
    pub fn take_reports(&mut self, out: &mut FlowBatch) {
        self.meters().for_each(|meter| meter.take_reports(out));
    }

    /// What was reported since the last call, for exporters.
    pub fn take_exports(&mut self) -> Vec<FlowRecord> {
        let mut all = self.first().take_exports();
        for meter in self.meters().skip(1) {
            all.append(&mut meter.take_exports());
        }
        all
    }

    /// Append the present state of every flow to `out`; changes nothing.
    pub fn snapshot(&self, out: &mut FlowBatch) {
        self.all().for_each(|meter| meter.snapshot(out));
    }

    /// End every flow.
    pub fn close(&mut self, now_ns: i64) {
        self.meters().for_each(|meter| meter.close(now_ns));
    }

    /// Time of the latest frame so far.
    pub fn latest_ns(&self) -> i64 {
        self.all().map(Meter::latest_ns).max().unwrap_or(0)
    }

    /// Flows known now.
    pub fn flows(&self) -> usize {
        self.all().map(Meter::flows).sum()
    }

    /// Rows that wait in memory for `take_reports`.
    pub fn pending_reports(&self) -> usize {
        self.all().map(Meter::pending_reports).sum()
    }

    pub fn stats(&self) -> MeterStats {
        let mut all = MeterStats::default();
        self.all().for_each(|meter| all.add(&meter.stats()));
        all
    }
}

/// The meters to which something was dealt.
fn busy(shards: &mut [Option<Box<Shard>>]) -> impl Iterator<Item = &mut Shard> {
    shards
        .iter_mut()
        .flatten()
        .map(Box::as_mut)
        .filter(|shard| !shard.hand.is_empty())
}
