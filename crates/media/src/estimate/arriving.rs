//! What the receiver tells: which packets came, and when.

use std::time::{Duration, Instant};

use super::Estimator;
use super::flight::Fate;
use super::train::Train;
use crate::transport_feedback::{self, Arrival, UNIT_US, WRAP_UNITS};

/// Where a feedback has its own number.
const NUMBER: usize = 19;
/// A number so far ahead of the last is none of a packet that was passed over.
const PASSED_OVER: u16 = 8192;

impl Estimator {
    /// Takes a transport-wide feedback, an RTCP packet with its header.
    pub(crate) fn receive(&mut self, now: Instant, feedback: &[u8]) {
        self.begin(now);
        let Some(number) = feedback.get(NUMBER).copied() else { return };
        // After one that was lost on its way nothing is known of those before the first that is told of now.
        if self.next_number.replace(number.wrapping_add(1)) != Some(number) {
            self.next_told = None;
        }
        transport_feedback::read(feedback, |arrival| {
            self.pass_over(arrival.sequence);
            self.arrive(now, arrival);
        });
        self.judge(now);
    }

    /// Some receivers begin to tell with the first packet that came since they told last: those before it have not.
    fn pass_over(&mut self, sequence: u16) {
        let next = self.next_told.unwrap_or(sequence);
        let passed_over = sequence.wrapping_sub(next);
        let is_told_again = sequence.wrapping_sub(next) > u16::MAX / 2;
        if passed_over < PASSED_OVER {
            (0..passed_over).for_each(|after| self.miss(next.wrapping_add(after)));
        }
        self.next_told = Some(if is_told_again { next } else { sequence.wrapping_add(1) });
    }

    fn miss(&mut self, sequence: u16) {
        let Some(sent) = self.flight.get_mut(sequence).filter(|sent| sent.fate == Fate::Unknown) else { return };
        sent.fate = Fate::Missing;
        let at_us = sent.at_us;
        let is_alone = self.last_missed.replace(sequence).is_none_or(|last| last.wrapping_add(1) != sequence);
        self.receipt.miss(is_alone, self.flight.is_missing_together(sequence));
        self.onset.miss(sequence, self.sent_us(at_us));
    }

    /// When a packet was sent, since the epoch.
    fn sent_us(&self, at_us: u32) -> i64 {
        self.now_us - i64::from((self.now_us as u32).wrapping_sub(at_us))
    }

    fn arrive(&mut self, now: Instant, arrival: Arrival) {
        let at_us = arrival.at_units.map(|units| {
            let last = *self.last_units.get_or_insert(units);
            // The nearest time that has these lower bits.
            let ahead = (units - last + WRAP_UNITS / 2).rem_euclid(WRAP_UNITS) - WRAP_UNITS / 2;
            self.last_units = Some(last + ahead.max(0));
            (last + ahead) * UNIT_US
        });
        let Some(at_us) = at_us else { return self.miss(arrival.sequence) };
        let Some(sent) = self.flight.get_mut(arrival.sequence).filter(|sent| sent.fate != Fate::Arrived) else {
            return;
        };
        let packet = *sent;
        sent.fate = Fate::Arrived;
        let sent_us = self.sent_us(packet.at_us);
        if packet.fate == Fate::Missing {
            self.receipt.found();
            self.onset.find(arrival.sequence);
        }
        self.arrived_us = self.arrived_us.max(at_us);
        self.newest_us = self.newest_us.max(sent_us);
        self.receipt.add(at_us, packet.bytes);
        self.couple(sent_us, at_us, packet.bytes);
        let least_us = self.queue.least_lately_us().filter(|_| !packet.is_disturbed && !self.is_too_much(now));
        let late_us = least_us.map_or(0, |least_us| at_us - sent_us - least_us);
        self.jitter.note(now, Duration::from_micros(late_us.max(0) as u64));
    }

    /// Adds a packet to the burst that it left with, or ends that burst.
    fn couple(&mut self, sent_us: i64, arrived_us: i64, bytes: u16) {
        let Some(train) = &mut self.train else {
            self.train = Some(Train::new(sent_us, arrived_us, bytes));
            return;
        };
        // One that comes late says nothing of the present burst.
        if sent_us < train.sent_us || train.take(sent_us, arrived_us, bytes) {
            return;
        }
        let over = std::mem::replace(train, Train::new(sent_us, arrived_us, bytes));
        self.trains.add(&over);
        self.queue.add(over.first_us, over.first_us - over.sent_us);
    }
}
