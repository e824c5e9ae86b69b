//! Numbers that begin again at zero: of sequences, of timestamps, of pictures.

use std::time::Duration;

use signaling::{FeedKind, Role};

use crate::body::Codec;
use crate::camera::Lens;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::world::World;

/// A second and a half before the end of both.
const LENS: Lens =
    Lens { first_sequence: 65_535 - 110, first_ticks: u32::MAX - 3 * 45_000, ..Lens::of(FeedKind::Endoscope) };

fn watched(world: &mut World, lenses: &[Lens], weather: Weather, viewers: usize) {
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    world.publish(surgeon, lenses, weather.into());
    let feeds = world.feeds();
    for _ in 0..viewers {
        let expert = world.enter(Role::Expert, None);
        world.receive(expert, feeds.len(), 0, weather.into());
        for (slot, (_, feed)) in feeds.iter().enumerate() {
            world.watch(expert, slot as u32, Some(*feed));
        }
    }
}

#[test]
fn a_publisher_whose_numbers_wrap() {
    each_seed("a_publisher_whose_numbers_wrap", 3, |seed| {
        let mut world = World::new(seed);
        // The first keyframe may be lost, the request for another, too, and then the first packet of the next one.
        world.patience = Duration::from_secs(4);
        let vp8 = Lens { codec: Codec::Vp8, kind: Some(FeedKind::Ultrasound), ..LENS };
        let weather = Weather::rough(20, 15).losing(30);
        watched(&mut world, &[LENS, vp8], weather, 2);
        world.run_ms(6000);
        // Who comes after the wrap begins like everybody.
        let late = world.enter(Role::Trainee, None);
        world.receive(late, 1, 0, weather.into());
        let (_, feed) = world.feeds()[0];
        world.watch(late, 0, Some(feed));
        world.run_ms(4000);
        world.settle();
        let seen = world.screens().map(|screen| screen.sight.decoded);
        assert!(seen.min() > Some(100));
    });
}

/// What a viewer is sent begins at 1, so that its rollover counter needs 65,536 packets to move.
#[test]
fn a_viewer_whose_numbers_wrap() {
    each_seed("a_viewer_whose_numbers_wrap", 1, |seed| {
        let mut world = World::new(seed);
        let every = Duration::from_millis(10);
        let lens = Lens { every, parts: 20, bytes: 40, group: 100, ..LENS };
        watched(&mut world, &[lens], Weather::rough(10, 4).losing(3), 1);
        world.run_ms(36_000);
        world.settle();
        let packets = world.screens().map(|screen| screen.packets).max().expect("a viewer");
        assert!(packets > 68_000, "{packets} packets are no wrap");
    });
}
