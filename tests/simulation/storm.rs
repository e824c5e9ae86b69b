//! A lecture begins: a thousand come within a minute, and nobody at the operating table notices.

use std::time::{Duration, Instant};

use signaling::{FeedKind, Role};

use crate::camera::Lens;
use crate::link::Weather;
use crate::seed::{each_seed, number};
use crate::worker::HOME;
use crate::world::World;

/// Who comes: the number. Handshakes are real and cost 3 ms of a core each, both ends together, whatever time
/// is virtual; `SIMULATION_VIEWERS` says another number.
const VIEWERS: u64 = 1000;
const MINUTE: Duration = Duration::from_secs(60);
/// Each looks for so long and goes, which makes it a storm of goings as well.
const STAYS: Duration = Duration::from_secs(3);
/// Keyframe requests upstream for one feed.
const REQUESTS: usize = 2;
/// Of a thousand packets to a viewer so many are lost: to one of three viewers.
const SOME_LOSE: &[u32] = &[0, 0, 10];

fn storm(seed: u64, lens: Lens, upstream: Weather, losses: &[u32]) {
    storm_at(seed, &[HOME], lens, upstream, losses);
}

/// They come in turn to these workers, each of which has the room or is to have an annex of it.
fn storm_at(seed: u64, workers: &[usize], lens: Lens, upstream: Weather, losses: &[u32]) {
    let viewers = number("SIMULATION_VIEWERS").unwrap_or(VIEWERS);
    let mut world = World::new(seed);
    world.patience = Duration::from_secs(3);
    while world.last_worker < workers.iter().copied().max().unwrap_or(HOME) {
        world.open_annex();
    }
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    let other = Lens { kind: Some(FeedKind::Room), ..lens };
    let publishing = world.publish(surgeon, &[lens, other], upstream.into());
    world.run_ms(5000);
    let asked = |world: &World| -> Vec<usize> {
        world.peers[&publishing].cameras.iter().map(|camera| camera.asked_at.len()).collect()
    };
    let before = asked(&world);
    let feeds = world.feeds();
    let begin = world.now;
    let mut comes: Vec<Instant> = (0..viewers).map(|_| begin + world.chance.span(MINUTE)).collect();
    comes.sort();
    let mut inside: std::collections::VecDeque<(Instant, usize)> = std::collections::VecDeque::new();
    for (at, worker) in comes.into_iter().zip(workers.iter().cycle()) {
        while let Some((goes, client)) = inside.front().copied().filter(|(goes, _)| *goes <= at) {
            world.run(goes.saturating_duration_since(world.now));
            world.leave(client);
            inside.pop_front();
        }
        world.run(at.saturating_duration_since(world.now));
        let client = world.enter_at(*worker, Role::Trainee, None);
        let weather = Weather::rough(5 + world.chance.below(40), 5).losing(*world.chance.pick(losses));
        world.receive(client, 1, 0, weather.into());
        let (_, feed) = *world.chance.pick(&feeds);
        world.watch(client, 0, Some(feed));
        inside.push_back((at + STAYS, client));
    }
    world.run(STAYS);
    let asked: Vec<usize> = asked(&world).iter().zip(before).map(|(after, before)| after - before).collect();
    let blind = world.screens().filter(|screen| screen.sight.decoded == 0).count();
    println!("seed {seed}: {viewers} joins, {asked:?} keyframe requests upstream, {blind} saw nothing");
    println!("    dark for {:?} at most, {} packets to viewers", world.worst_dark, world.wire.packets);
    assert_eq!(world.screens().count() as u64, viewers);
    assert_eq!(blind, 0, "everybody gets a picture");
    assert!(asked.iter().all(|asked| *asked <= REQUESTS), "the operating room is asked for {asked:?} keyframes");
}

/// Ten frames a second, a keyframe every two seconds.
const LENS: Lens = Lens { every: Duration::from_millis(100), group: 20, parts: 2, ..Lens::of(FeedKind::Endoscope) };

#[test]
fn a_storm_of_joins_in_two_annexes() {
    each_seed("a_storm_of_joins_in_two_annexes", 1, |seed| {
        storm_at(seed, &[1, 2], LENS, Weather::clear(10), SOME_LOSE);
    });
}

#[test]
fn a_storm_of_joins() {
    each_seed("a_storm_of_joins", 1, |seed| storm(seed, LENS, Weather::clear(10), SOME_LOSE));
}

/// A keyframe every ten seconds. Frames are few, because the engine as a viewer asks for nothing again that is more
/// than a hundred packets old, and so could not fill the holes of a longer replay.
#[test]
fn a_storm_of_joins_between_rare_keyframes() {
    let lens = Lens { every: Duration::from_millis(250), group: 40, ..LENS };
    each_seed("a_storm_of_joins_between_rare_keyframes", 1, |seed| storm(seed, lens, Weather::clear(10), SOME_LOSE));
}

#[test]
fn a_storm_of_joins_while_order_is_lost() {
    each_seed("a_storm_of_joins_while_order_is_lost", 1, |seed| storm(seed, LENS, Weather::rough(10, 3), SOME_LOSE));
}

/// Nobody loses anything here: of a replay of a thousand packets the engine as a viewer could not have a tenth again.
#[test]
fn a_storm_of_joins_between_rare_keyframes_of_a_megabit() {
    let lens = Lens { group: 100, bytes: 1100, parts: 10, ..LENS };
    each_seed("a_storm_of_joins_between_rare_keyframes_of_a_megabit", 1, |seed| {
        storm(seed, lens, Weather::clear(10), &[0]);
    });
}
