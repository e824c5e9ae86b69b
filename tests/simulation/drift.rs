//! Publishers whose clocks are set wrongly and run too fast or too slowly: what viewers are told of capture times.

use std::time::{Duration, Instant};

use signaling::{FeedKind, Role};

use crate::camera::Lens;
use crate::client::Way;
use crate::link::Weather;
use crate::screen::{Screen, Told};
use crate::seed::each_seed;
use crate::world::World;

/// PRODUCT's budget for the skew between the feeds of one site, and for the age that is shown.
const BUDGET_US: i64 = 20_000;

/// What a usual crystal is off by at most.
#[test]
fn capture_times_of_clocks_that_drift() {
    each_seed("capture_times_of_clocks_that_drift", 4, |seed| drift(seed, 50));
}

#[test]
fn capture_times_of_clocks_that_drift_much() {
    each_seed("capture_times_of_clocks_that_drift_much", 30, |seed| drift(seed, 200));
}

/// Two boxes of one site whose clocks gain or lose at most so many millionths.
fn drift(seed: u64, most_ppm: u64) {
    let mut world = World::new(seed);
    // One tells the capture of each frame, one only reports.
    for (kind, tells_capture) in [(FeedKind::Endoscope, true), (FeedKind::Ultrasound, false)] {
        let device = world.enter(Role::Device, Some("site-a"));
        let delay_ms = 5 + world.chance.below(40);
        let way = Way {
            ahead: Duration::from_secs(world.chance.below(7200)),
            drift_ppm: world.chance.below(2 * most_ppm + 1) as i64 - most_ppm as i64,
            ..Weather::rough(delay_ms, 6).losing(5).into()
        };
        let at = world.publish(device, &[Lens { tells_capture, ..Lens::of(kind) }], way);
        // The way back is up to 12 ms longer or shorter, which nobody can measure: half of it is the error.
        let down_ms = (delay_ms as i64 + world.chance.below(25) as i64 - 12).max(1);
        let peer = world.peers.get_mut(&at).expect("it has just come");
        peer.down.weather.delay = Duration::from_millis(down_ms as u64);
    }
    let expert = world.enter(Role::Expert, None);
    world.receive(expert, 2, 0, Weather::rough(20, 5).into());
    for (slot, (_, feed)) in world.feeds().iter().enumerate() {
        world.watch(expert, slot as u32, Some(*feed));
    }
    // A wall clock is known after a few reports.
    world.run_ms(10_000);
    let learned = world.now;
    world.run_ms(60_000);
    world.settle();
    let mut ranges = Vec::new();
    for screen in world.screens() {
        ranges.push(errors(screen, learned, |told| Some(told.carried_error_us)));
        ranges.push(errors(screen, learned, |told| told.reported_error_us));
    }
    println!("seed {seed}: errors of capture times, carried and reported, in us: {ranges:?}");
    for (least, most) in &ranges {
        assert!(*least >= -BUDGET_US && *most <= BUDGET_US, "further from the truth than 20 ms: {ranges:?}");
    }
    let least = ranges.iter().map(|(least, _)| *least).min().expect("some");
    let most = ranges.iter().map(|(_, most)| *most).max().expect("some");
    assert!(most - least <= BUDGET_US, "two feeds of one site are further apart than 20 ms: {ranges:?}");
}

/// The smallest and the greatest error since then.
fn errors(screen: &Screen, since: Instant, of: fn(&Told) -> Option<i64>) -> (i64, i64) {
    let errors = screen.told.iter().filter(|told| told.at > since).filter_map(of);
    let (least, most) = (errors.clone().min(), errors.max());
    (least.expect("frames were told"), most.expect("frames were told"))
}
