//! A viewer whose line does not carry all that it watches: the large picture is whole, the small ones wait, and it is
//! told so; when the line is wide again, they come back and stay.

use std::time::Duration;

use signaling::client::Connection;
use signaling::{ClientMessage, FeedKind, LineCondition, Role, Slot, VacantReason};

use crate::camera::Lens;
use crate::link::Weather;
use crate::screen::Screen;
use crate::seed::each_seed;
use crate::worker::HOME;
use crate::world::World;

/// 2.2 Mb/s each.
const LENS: Lens = Lens { parts: 10, bytes: 1100, ..Lens::of(FeedKind::Endoscope) };
const LENSES: [Lens; 3] =
    [LENS, Lens { kind: Some(FeedKind::Ultrasound), ..LENS }, Lens { kind: Some(FeedKind::Room), ..LENS }];

/// A surgeon with three feeds, and an expert who has one of them large and two small; gives the expert's peer.
fn consultation(world: &mut World, weather: Weather) -> usize {
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    world.publish(surgeon, &LENSES, Weather::clear(10).into());
    let expert = world.enter(Role::Expert, None);
    let at = world.receive(expert, 3, 0, weather.into());
    for (slot, (_, feed)) in world.feeds().into_iter().enumerate() {
        let slot = Slot(slot as u32);
        world.watch(expert, slot.0, Some(feed));
        let (width, height) = if slot.0 == 0 { (1280, 720) } else { (320, 180) };
        world.say(expert, ClientMessage::Resize { slot, width, height });
    }
    at
}

fn decoded(world: &World, at: usize) -> Vec<u64> {
    world.peers[&at].screens.iter().map(|screen| screen.sight.decoded).collect()
}

fn widen(world: &mut World, at: usize, width_kbps: u32) {
    let peer = world.peers.get_mut(&at).expect("it is there");
    peer.down.weather = peer.down.weather.narrow(width_kbps);
}

fn waits_for(world: &World, at: usize) -> Vec<Option<VacantReason>> {
    world.peers[&at].screens.iter().map(Screen::waits_for).collect()
}

/// What the line of the expert has for each of its slots.
fn allocated_bps(world: &World) -> Vec<Option<u64>> {
    let viewers = world.workers[&HOME].room.report().viewers;
    viewers.into_iter().map(|viewer| viewer.sink.allocated_bps).collect()
}

#[test]
fn a_line_that_is_too_narrow() {
    each_seed("a_line_that_is_too_narrow", 4, |seed| {
        let mut world = World::new(seed);
        let (delay_ms, width_kbps) = (5 + world.chance.below(50), 2800 + world.chance.below(1500));
        let at = consultation(&mut world, Weather::clear(delay_ms).narrow(20_000));
        world.run_ms(5000);
        assert_eq!(waits_for(&world, at), [None; 3], "a wide line carries all");
        assert_eq!(allocated_bps(&world), [None; 3], "and nothing is allocated");
        widen(&mut world, at, width_kbps as u32);
        world.run_ms(3000);
        let line = Some(VacantReason::Line);
        assert_eq!(waits_for(&world, at), [None, line, line], "{width_kbps} kb/s carry one of them");
        assert_eq!(allocated_bps(&world)[1..], [Some(0); 2]);
        // What was lost at the beginning is made up for by the next keyframe.
        world.run_ms(2000);
        let before = (decoded(&world, at)[0], world.peers[&at].screens[0].sight.overcome);
        world.run_ms(10_000);
        let screen = &world.peers[&at].screens[0];
        let frames = screen.sight.decoded - before.0;
        println!("seed {seed}: {width_kbps} kb/s, {delay_ms} ms: {frames} of 250 frames of the large one");
        assert!(frames >= 245, "the large one is whole: {frames} of 250");
        assert_eq!(screen.sight.overcome, before.1, "and has no hole");
        widen(&mut world, at, 20_000);
        world.run_ms(40_000);
        assert_eq!(waits_for(&world, at), [None; 3], "the small ones come back");
        let before = decoded(&world, at);
        world.run_ms(4000);
        for (frames, before) in decoded(&world, at).into_iter().zip(before) {
            assert!(frames >= before + 98, "{} of 100", frames - before);
        }
        world.settle();
    });
}

/// How the lines of these clients are, as they and the lead know it.
fn lines(world: &World, client: usize) -> Vec<(Connection, LineCondition)> {
    world.check_rosters();
    let roster = &world.clients[client].roster;
    let own = roster.lines.iter().filter(|((member, _), _)| Some(*member) == roster.me);
    own.map(|((_, connection), condition)| (*connection, *condition)).collect()
}

#[test]
fn a_line_is_called_what_it_is() {
    each_seed("a_line_is_called_what_it_is", 3, |seed| {
        let mut world = World::new(seed);
        let at = consultation(&mut world, Weather::clear(20).narrow(20_000));
        let (surgeon, expert) = (0, 1);
        world.enter(Role::Lead, None);
        let annex = world.open_annex();
        let trainee = world.enter_at(annex, Role::Trainee, None);
        world.run_ms(100);
        let trainees = world.receive(trainee, 1, 0, Weather::clear(20).narrow(20_000).into());
        world.watch(trainee, 0, Some(world.feeds()[0].1));
        world.run_ms(5000);
        assert_eq!([surgeon, expert, trainee].map(|client| lines(&world, client)), [vec![], vec![], vec![]]);
        widen(&mut world, at, 3300);
        widen(&mut world, trainees, 1500);
        world.run_ms(6000);
        assert_eq!(lines(&world, expert), [(Connection::Receive, LineCondition::Poor)], "seed {seed}: one of three");
        assert!(!lines(&world, trainee).is_empty(), "seed {seed}: there is nothing smaller, and much of it is lost");
        // A lead who comes now hears of it.
        world.enter(Role::Lead, None);
        world.run_ms(100);
        world.check_rosters();
        widen(&mut world, at, 20_000);
        widen(&mut world, trainees, 20_000);
        // So much is lost on the way in that nobody need see anything.
        world.clients.iter_mut().for_each(|client| client.is_excused = true);
        let cameras = world.clients[surgeon].publishing.expect("it publishes");
        world.peers.get_mut(&cameras).expect("it is there").up.weather = Weather::clear(10).losing(600);
        world.run_ms(8000);
        assert_eq!(lines(&world, surgeon), [(Connection::Publish, LineCondition::Poor)], "seed {seed}");
        world.peers.get_mut(&cameras).expect("it is there").up.weather = Weather::clear(10);
        world.run_ms(40_000);
        assert_eq!([surgeon, expert, trainee].map(|client| lines(&world, client)), [vec![], vec![], vec![]]);
    });
}

#[test]
fn a_line_that_is_just_too_narrow_does_not_flap() {
    each_seed("a_line_that_is_just_too_narrow_does_not_flap", 3, |seed| {
        let mut world = World::new(seed);
        let width_kbps = 6500 + world.chance.below(1000);
        let at = consultation(&mut world, Weather::clear(20).narrow(width_kbps as u32));
        world.run_ms(120_000);
        let changes: Vec<_> = world.peers[&at].screens.iter().map(|screen| screen.waits.len()).collect();
        let frames = decoded(&world, at)[0];
        println!(
            "seed {seed}: {width_kbps} kb/s: {changes:?} changes in two minutes, {frames} of 3000 of the large one"
        );
        assert_eq!(changes[0], 0, "the large one is never left out");
        assert!(changes.iter().all(|changes| *changes <= 12), "{changes:?}");
        assert!(frames > 2900, "the large one is whole: {frames} of 3000");
        world.settle();
    });
}

/// FFmpeg's feeds, which answer no request for a keyframe: 1.2 Mb/s each, a keyframe a second.
const DEAF: Lens = Lens {
    parts: 5,
    bytes: 1000,
    group: 30,
    every: Duration::from_micros(33_333),
    is_willing: false,
    ..Lens::of(FeedKind::Endoscope)
};

#[test]
fn the_large_picture_while_a_line_becomes_narrow() {
    each_seed("the_large_picture_while_a_line_becomes_narrow", 4, |seed| {
        let mut world = World::new(seed);
        let lenses = [FeedKind::Endoscope, FeedKind::Ultrasound, FeedKind::Ct, FeedKind::Room]
            .map(|kind| Lens { kind: Some(kind), ..DEAF });
        let surgeon = world.enter(Role::Surgeon, Some("site-a"));
        world.publish(surgeon, &lenses, Weather::clear(2).into());
        let at = panel_of(&mut world, Weather::clear(20).narrow(20_000));
        let settled_ms = 6000 + world.chance.below(1000);
        world.run_ms(settled_ms);
        widen(&mut world, at, 2400);
        let (mut seen, mut stands_ms, mut longest_ms) = (decoded(&world, at)[0], 0, 0);
        let before = seen;
        for _ in 0..300 {
            world.run_ms(50);
            let now = decoded(&world, at)[0];
            stands_ms = if now == seen { stands_ms + 50 } else { 0 };
            longest_ms = longest_ms.max(stands_ms);
            seen = now;
        }
        println!("seed {seed}: {} of 450 frames of the large one, which stood {longest_ms} ms", seen - before);
        assert!(longest_ms <= 800 && seen - before > 380, "{} of 450, {longest_ms} ms", seen - before);
    });
}

/// An expert who has all four feeds of a site small, and the first of them large, too; gives its peer.
fn panel_of(world: &mut World, weather: Weather) -> usize {
    let expert = world.enter(Role::Expert, None);
    let at = world.receive(expert, 5, 0, weather.into());
    let feeds: Vec<_> = world.feeds().into_iter().map(|(_, feed)| feed).collect();
    for (slot, feed) in (0..).zip([0, 0, 1, 2, 3].map(|feed: usize| feeds[feed])) {
        world.watch(expert, slot, Some(feed));
        let (width, height) = if slot == 0 { (1280, 720) } else { (320, 180) };
        world.say(expert, ClientMessage::Resize { slot: Slot(slot), width, height });
    }
    at
}
