//! What comes to a worker by its sockets, until the rooms have it.

use std::time::{Duration, Instant};

use media::Protocol;
use room::Input;

use super::{TURN, Worker};
use crate::arrival::Batch;
use crate::clock::since_1970;
use crate::tally::DropReason;

impl Worker {
    pub(super) fn receive(&mut self, batch: &mut Batch) {
        let begin = Instant::now();
        while self.ready.udp && begin.elapsed() < TURN {
            let Some((received_at, more)) = self.socket.receive(batch, &mut self.tally) else {
                self.ready.udp = false;
                return;
            };
            self.ready.udp = more;
            self.deliver(batch, DropReason::Stranger, received_at);
        }
    }

    pub(super) fn receive_streams(&mut self, batch: &mut Batch) {
        if std::mem::take(&mut self.ready.listener) {
            self.ready.listener = self.streams.accept(self.poll.registry(), Instant::now(), &mut self.tally);
        }
        if self.streams.any_readable() {
            let received_at = since_1970();
            self.streams.receive(batch, &mut self.closed, &mut self.tally);
            self.deliver(batch, DropReason::StrangerStream, Some(received_at));
        }
        for peer in std::mem::take(&mut self.closed) {
            self.routes.forget_address((Protocol::Tcp, peer));
        }
    }

    /// Hands every room what came for it, and sends at once what follows.
    fn deliver(&mut self, batch: &mut Batch, stranger: DropReason, received_at: Option<Duration>) {
        let Batch { buffers, arrivals } = batch;
        arrivals.retain_mut(|arrival| {
            let bytes = &buffers[arrival.buffer][arrival.range.clone()];
            let target = self.routes.find(arrival.protocol, arrival.source, bytes);
            arrival.target = target.unwrap_or(arrival.target);
            if target.is_none() {
                self.tally.drop(stranger, 1);
            }
            target.is_some()
        });
        // stable, so that each session's datagrams stay in order
        arrivals.sort_by_key(|arrival| arrival.target.room);
        let mut start = 0;
        while start < batch.arrivals.len() {
            let room = batch.arrivals[start].target.room;
            let end = start + batch.arrivals[start..].partition_point(|arrival| arrival.target.room == room);
            let datagrams = batch.datagrams(start..end);
            if !self.hall.has(room) {
                self.tally.drop(DropReason::NoRoom, datagrams.len());
            } else {
                self.handle_received(room, Input::Burst(&datagrams), received_at);
            }
            start = end;
        }
    }
}
