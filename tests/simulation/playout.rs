//! How long a viewer is told to hold its pictures back: not at all on a clean line, as long as needed on one that
//! loses much or brings things late, and no longer when that is over.

use std::time::Duration;

use signaling::{FeedKind, Role, RoomKind};

use crate::camera::Lens;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::world::World;

/// 2.2 Mb/s, 250 packets a second.
const LENS: Lens = Lens { parts: 10, bytes: 1100, ..Lens::of(FeedKind::Endoscope) };
/// The bound of a room where people act on what they see.
const MOST_MS: u64 = 400;
const CLEAR: Weather = Weather::clear(25);

/// A surgeon with two feeds, an expert and a trainee who watch both, from another country; gives the peers.
fn consultation(world: &mut World) -> [usize; 3] {
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    let other = Lens { kind: Some(FeedKind::Ultrasound), ..LENS };
    let publishing = world.publish(surgeon, &[LENS, other], Weather::clear(10).into());
    let viewers = [Role::Expert, Role::Trainee].map(|role| {
        let viewer = world.enter(role, None);
        let at = world.receive(viewer, 2, 0, CLEAR.into());
        for (slot, (_, feed)) in (0..).zip(world.feeds()) {
            world.watch(viewer, slot, Some(feed));
        }
        at
    });
    world.run_ms(4000);
    [publishing, viewers[0], viewers[1]]
}

/// What a viewer is told, in milliseconds: the most of its slots, where some have not been told yet.
fn told_ms(world: &World, at: usize) -> u64 {
    let told = world.peers[&at].screens.iter().filter_map(|screen| screen.playout_delay);
    told.max().expect("it has been told").as_millis() as u64
}

/// How long until a viewer is told something like this, looked at every 100 ms.
fn until_told(world: &mut World, at: usize, within_ms: u64, fits: impl Fn(u64) -> bool) -> u64 {
    for waited_ms in (0..within_ms).step_by(100) {
        if fits(told_ms(world, at)) {
            return waited_ms;
        }
        world.run_ms(100);
    }
    panic!("not within {within_ms} ms, but {} ms are held back", told_ms(world, at));
}

#[test]
fn hardly_anything_is_held_back_on_a_line_that_is_clean_enough() {
    each_seed("hardly_anything_is_held_back_on_a_line_that_is_clean_enough", 8, |seed| {
        let mut world = World::new(seed);
        let [publishing, expert, trainee] = consultation(&mut world);
        // Nothing at all where it is clean. Where packets overtake each other, or a few are lost, a little: peers of the engine
        // ask late, and do not tell later of what was only overtaken when they told of the rest, as browsers do.
        for (weather, most_ms) in [(CLEAR, 0), (CLEAR.losing(5), 40), (Weather::rough(25, 20), 100), (CLEAR, 100)] {
            for at in [expert, trainee] {
                world.peers.get_mut(&at).expect("it is there").down.weather = weather;
            }
            for _ in 0..100 {
                world.run_ms(100);
                let told = [expert, trainee].map(|at| told_ms(&world, at));
                assert!(told.iter().all(|told| *told <= most_ms), "{told:?} in {weather:?}");
            }
        }
        world.run_ms(30_000);
        world.peers.get_mut(&publishing).expect("it is there").up.weather = Weather::rough(10, 60);
        world.run_ms(10_000);
        assert_eq!([expert, trainee].map(|at| told_ms(&world, at)), [0, 0], "jitter on the way in");
        world.settle();
    });
}

/// What a scenario does to the lines of the publisher and of the expert.
type Trouble = fn(&mut World, usize, usize);

fn both_ways(world: &mut World, at: usize, weather: Weather) {
    let peer = world.peers.get_mut(&at).expect("it is there");
    (peer.up.weather, peer.down.weather) = (weather, weather);
}

/// Nothing comes through for so long.
fn burst(world: &mut World, at: usize, ms: u64) {
    let before = world.peers[&at].down.weather;
    world.peers.get_mut(&at).expect("it is there").down.weather = before.losing(1000);
    world.run_ms(ms);
    world.peers.get_mut(&at).expect("it is there").down.weather = before;
}

/// Grows within a few seconds to about what is needed, also for the trainee if it is the publisher's line; and is gone
/// within a minute when the trouble is over.
fn comes_and_goes(scenario: &str, is_upstream: bool, (least_ms, most_ms): (u64, u64), trouble: Trouble) {
    each_seed(scenario, 6, |seed| {
        let mut world = World::new(seed);
        let [publishing, expert, trainee] = consultation(&mut world);
        world.clients.iter_mut().for_each(|client| client.is_excused = true);
        trouble(&mut world, publishing, expert);
        let grown_ms = until_told(&mut world, expert, 6000, |told| told >= least_ms);
        let mut highest_ms = 0;
        for _ in 0..50 {
            world.run_ms(100);
            highest_ms = highest_ms.max(told_ms(&world, expert));
            assert_eq!(told_ms(&world, trainee) > 0, is_upstream, "the trainee's own line is clean");
        }
        for at in [publishing, expert] {
            both_ways(&mut world, at, if at == publishing { Weather::clear(10) } else { CLEAR });
        }
        let gone_ms = until_told(&mut world, expert, 60_000, |told| told == 0);
        println!("seed {seed}: {least_ms} ms after {grown_ms} ms, then up to {highest_ms} ms; gone after {gone_ms} ms");
        assert!(highest_ms <= most_ms, "{highest_ms} ms");
    });
}

#[test]
fn a_line_that_loses_much() {
    let losing: Trouble = |world, _, expert| {
        both_ways(world, expert, CLEAR.losing(50));
        // Not after a window of seconds.
        until_told(world, expert, 1500, |told| told > 0);
    };
    comes_and_goes("a_line_that_loses_much", false, (40, 260), losing);
}

#[test]
fn a_line_that_loses_in_bursts() {
    let bursts: Trouble = |world, _, expert| {
        burst(world, expert, 100);
        world.run_ms(3000);
        assert_eq!(told_ms(world, expert), 0, "once is never");
        burst(world, expert, 100);
    };
    comes_and_goes("a_line_that_loses_in_bursts", false, (10, 150), bursts);
}

#[test]
fn a_line_that_brings_things_late() {
    let late: Trouble = |world, _, expert| {
        world.peers.get_mut(&expert).expect("it is there").down.weather = Weather::rough(25, 200);
    };
    comes_and_goes("a_line_that_brings_things_late", false, (40, MOST_MS), late);
}

#[test]
fn a_publisher_whose_line_brings_things_late() {
    let late: Trouble = |world, publishing, _| {
        world.peers.get_mut(&publishing).expect("it is there").up.weather = Weather::rough(10, 200);
    };
    comes_and_goes("a_publisher_whose_line_brings_things_late", true, (30, 260), late);
}

/// Also where the viewer is in an annex, which hears from its home what the room is for.
#[test]
fn no_more_than_the_room_allows() {
    each_seed("no_more_than_the_room_allows", 3, |seed| {
        for (kind, least_ms, most_ms) in [(RoomKind::Guidance, MOST_MS, MOST_MS), (RoomKind::Teaching, 600, 1000)] {
            let mut world = World::of(seed, kind);
            let [_, expert, _] = consultation(&mut world);
            let annex = world.open_annex();
            let client = world.enter_at(annex, Role::Trainee, None);
            world.run_ms(100);
            let trainee = world.receive(client, 1, 0, CLEAR.into());
            world.watch(client, 0, Some(world.feeds()[0].1));
            world.run_ms(4000);
            world.clients.iter_mut().for_each(|client| client.is_excused = true);
            for at in [expert, trainee] {
                both_ways(&mut world, at, Weather::rough(150, 150).losing(200));
            }
            for at in [expert, trainee] {
                until_told(&mut world, at, 20_000, |told| told >= least_ms);
            }
            for _ in 0..50 {
                world.run(Duration::from_millis(100));
                assert!([expert, trainee].iter().all(|at| told_ms(&world, *at) <= most_ms));
            }
        }
    });
}
