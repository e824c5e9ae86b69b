//! A publisher whose numbers jump ahead: what came before has no connection with what comes after.

use std::time::Duration;

use signaling::{FeedKind, Role};

use crate::body::Codec;
use crate::camera::Lens;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::worker::HOME;
use crate::world::World;

/// A keyframe every minute: a jump comes without one, unless it is asked for.
const LENSES: [Lens; 2] = [
    Lens { group: 1500, ..Lens::of(FeedKind::Endoscope) },
    Lens { group: 1500, codec: Codec::Vp8, ..Lens::of(FeedKind::Ultrasound) },
];

/// Somebody who watches both feeds.
fn come(world: &mut World, worker: usize) {
    let role = if worker == HOME { Role::Expert } else { Role::Trainee };
    let viewer = world.enter_at(worker, role, None);
    let weather = Weather::rough(5 + world.chance.below(40), 5);
    world.receive(viewer, 2, 0, weather.into());
    for (slot, lens) in LENSES.iter().enumerate() {
        world.watch_site(viewer, slot as u32, "site-a", lens.kind.expect("a camera"));
    }
}

/// Three jumps; before each and just after it somebody comes.
fn jump(seed: u64, worker: usize) {
    let mut world = World::new(seed);
    if worker != HOME {
        world.open_annex();
    }
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    let publishing = world.publish(surgeon, &LENSES, Weather::clear(15).into());
    world.run_ms(1500);
    for _ in 0..3 {
        come(&mut world, worker);
        let pause = 1500 + world.chance.below(1000);
        world.run_ms(pause);
        let ahead = 100 + world.chance.below(10_000);
        let camera = world.chance.below(2) as usize;
        world.peers.get_mut(&publishing).expect("it is there").cameras[camera].jump(ahead);
        let pause = world.chance.span(Duration::from_millis(400));
        world.run(pause);
        come(&mut world, worker);
        world.run_ms(4000);
    }
    println!("seed {seed}: dark for {:?} at most", world.worst_dark);
    world.settle();
}

#[test]
fn a_publisher_whose_numbers_jump() {
    each_seed("a_publisher_whose_numbers_jump", 4, |seed| jump(seed, HOME));
}

#[test]
fn a_publisher_whose_numbers_jump_before_an_annex() {
    each_seed("a_publisher_whose_numbers_jump_before_an_annex", 4, |seed| jump(seed, 1));
}
