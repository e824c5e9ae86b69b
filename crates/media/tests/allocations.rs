//! What forwarding costs the allocator: nothing, once everything is warm.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]
#![allow(unsafe_code, reason = "an allocator that counts is unsafe by its trait; it only hands on to the system's")]

mod net;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use net::Net;
use str0m::media::Direction;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of the router, and packets that it forwarded, in ten seconds with so many viewers.
fn forward(viewers: usize) -> (u64, u64) {
    let mut net = Net::new();
    let publisher = net.peer(Direction::SendOnly, 1);
    let track = net.track(publisher, 0);
    for _ in 0..viewers {
        let viewer = net.peer(Direction::RecvOnly, 1);
        let sink = net.sink(viewer, 0);
        net.watch(sink, track);
    }
    net.send(publisher, 300, 30);
    net.counted = Some((&ALLOCATIONS, net.peers[publisher].session));
    let before = net.router.report().counters.packets_forwarded;
    net.send(publisher, 300, 30);
    (net.allocations, net.router.report().counters.packets_forwarded - before)
}

/// One test only in this file: others would allocate at the same time.
#[test]
fn forwarding_a_packet_allocates_nothing() {
    let (few, forwarded_to_few) = forward(2);
    let (many, forwarded_to_many) = forward(22);
    let (more, packets) = (many.saturating_sub(few), forwarded_to_many - forwarded_to_few);
    assert_eq!(packets, 20 * 900);
    assert!(more <= packets / 500, "{more} more allocations for {packets} more packets; {few} for the first two");
}
