//! A NAT forgets a peer in mid-stream and gives it another port.

use std::time::Duration;

use signaling::{FeedKind, Role};

use crate::camera::Lens;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::worker::HOME;
use crate::world::World;

/// How long a peer that was rebound is not to be found: until its next connectivity check.
const FOUND_WITHIN: Duration = Duration::from_secs(5);

/// A surgeon with one camera that makes a keyframe every so many frames, and an expert who watches it.
fn two(seed: u64, lost_permille: u32, group: u32) -> (World, usize, usize) {
    let mut world = World::new(seed);
    world.patience = FOUND_WITHIN;
    let weather = Weather::rough(10 + world.chance.below(30), 5).losing(lost_permille);
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    let publishing = world.publish(surgeon, &[Lens { group, ..Lens::of(FeedKind::Endoscope) }], weather.into());
    let expert = world.enter(Role::Expert, None);
    let receiving = world.receive(expert, 1, 0, weather.into());
    let (_, feed) = world.feeds()[0];
    world.watch(expert, 0, Some(feed));
    world.run_ms(3000);
    (world, publishing, receiving)
}

#[test]
fn a_viewer_behind_a_nat_that_forgets() {
    each_seed("a_viewer_behind_a_nat_that_forgets", 3, |seed| {
        let (mut world, _, receiving) = two(seed, 5, 100);
        for _ in 0..3 {
            world.rebind(receiving);
            let pause = 6000 + world.chance.below(3000);
            world.run_ms(pause);
        }
        println!("seed {seed}: dark for {:?} at most", world.worst_dark);
        world.settle();
    });
}

#[test]
fn a_publisher_behind_a_nat_that_forgets() {
    each_seed("a_publisher_behind_a_nat_that_forgets", 3, |seed| {
        let (mut world, publishing, _) = two(seed, 0, 50);
        for _ in 0..3 {
            world.rebind(publishing);
            let pause = 6000 + world.chance.below(3000);
            world.run_ms(pause);
        }
        let strangers = world.workers[&HOME].strangers;
        println!("seed {seed}: dark for {:?} at most, {strangers} came from nobody", world.worst_dark);
        world.settle();
    });
}

#[test]
fn a_publisher_that_has_moved_still_hears_what_is_asked_of_it() {
    each_seed("a_publisher_that_has_moved_still_hears_what_is_asked_of_it", 3, |seed| {
        let (mut world, publishing, _) = two(seed, 0, 50);
        world.rebind(publishing);
        world.run(FOUND_WITHIN);
        let before = world.nowhere;
        world.run_ms(3000);
        let nowhere = world.nowhere - before;
        assert_eq!(nowhere, 0, "reports and requests went to a port that is no more");
    });
}
