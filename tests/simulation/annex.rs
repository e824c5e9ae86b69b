//! What happens in annexes is nothing to the publisher, and what happens to them nothing to the home.

use std::time::Duration;

use signaling::{FeedKind, Role};

use crate::camera::Lens;
use crate::client::Way;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::worker::HOME;
use crate::world::World;

/// Ten frames a second, a keyframe every ten seconds.
const LENS: Lens = Lens { every: Duration::from_millis(100), group: 100, parts: 2, ..Lens::of(FeedKind::Endoscope) };

/// What comes before a keyframe is kept by the home for so long, or a little longer.
const KEPT: Duration = Duration::from_millis(1500);

/// A surgeon with two feeds, and so many trainees in each of two annexes who watch one of them; gives the surgeon and
/// the trainees.
fn house(world: &mut World, each: usize, lens: Lens, way: impl Fn(&mut World) -> Way) -> (usize, Vec<usize>) {
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    world.publish(surgeon, &[lens, Lens { kind: Some(FeedKind::Room), ..lens }], Weather::clear(10).into());
    let annexes = [world.open_annex(), world.open_annex()];
    world.run_ms(1000);
    let mut trainees = Vec::new();
    for place in 0..2 * each {
        let trainee = world.enter_at(annexes[place % 2], Role::Trainee, None);
        let way = way(world);
        world.receive(trainee, 1, 0, way);
        switch(world, trainee);
        trainees.push(trainee);
    }
    (surgeon, trainees)
}

/// Somebody watches the other feed, or the same once more.
fn switch(world: &mut World, trainee: usize) {
    let feeds = world.feeds();
    let (_, feed) = *world.chance.pick(&feeds);
    world.watch(trainee, 0, Some(feed));
}

/// Packets that were sent again to viewers of a worker.
fn resent(world: &World, worker: usize) -> u64 {
    world.workers[&worker].room.report().counters.packets_resent
}

#[test]
fn joins_switches_and_losses_in_annexes_are_nothing_to_the_publisher() {
    each_seed("joins_switches_and_losses_in_annexes_are_nothing_to_the_publisher", 3, |seed| {
        let mut world = World::new(seed);
        world.patience = Duration::from_secs(4);
        let lossy = |world: &mut World| {
            let delay_ms = 5 + world.chance.below(40);
            Weather::rough(delay_ms, 5).losing(40).into()
        };
        let (surgeon, trainees) = house(&mut world, 6, LENS, lossy);
        for _ in 0..60 {
            let pause = world.chance.span(Duration::from_millis(500));
            world.run(pause);
            let trainee = *world.chance.pick(&trainees);
            if world.chance.is(200) {
                let way = lossy(&mut world);
                world.receive(trainee, 1, 0, way);
            }
            switch(&mut world, trainee);
        }
        let wanted: Vec<u64> = [HOME, 1, 2].map(|worker| resent(&world, worker)).to_vec();
        let publishing = world.clients[surgeon].publishing.expect("it publishes");
        let asked: Vec<usize> = world.peers[&publishing].cameras.iter().map(|camera| camera.asked_at.len()).collect();
        let requests: u32 = world.screens().map(|screen| screen.requests).sum();
        println!(
            "seed {seed}: sent again at home and in annexes {wanted:?}, {requests} keyframes wanted by viewers, {asked:?} by the server"
        );
        assert!(wanted[0] == 0 && wanted[1] > 50 && wanted[2] > 50, "each annex sends again what its viewers lost");
        assert!(asked.iter().all(|asked| *asked <= 2), "each annex asks once at most: {asked:?}");
        world.settle();
    });
}

#[test]
fn an_annex_that_stands_still_goes_on_without_a_hole() {
    each_seed("an_annex_that_stands_still_goes_on_without_a_hole", 3, |seed| {
        let mut world = World::new(seed);
        // A viewer that asks for a keyframe is given the newest, whatever was on its way to it.
        world.asks_after = Duration::MAX;
        let lens = Lens::of(FeedKind::Endoscope);
        let (surgeon, trainees) = house(&mut world, 3, lens, |_| Weather::clear(15).into());
        // Somebody in each annex watches each feed.
        let feeds = world.feeds();
        for (place, trainee) in trainees.iter().enumerate() {
            world.watch(*trainee, 0, Some(feeds[place / 2 % 2].1));
        }
        world.run_ms(2000);
        let publishing = world.clients[surgeon].publishing.expect("it publishes");
        let filmed = |world: &World| u64::from(world.peers[&publishing].cameras[0].frame);
        let decoded = |world: &World, trainee: usize| {
            let at = world.clients[trainee].receiving.expect("a viewer");
            world.peers[&at].screens[0].sight.decoded
        };
        let before = (filmed(&world), trainees.iter().map(|trainee| decoded(&world, *trainee)).collect::<Vec<_>>());
        // In the first it takes everything, and has it all at once. Then its mailbox is full after 0.8 s; and in the last
        // for longer than the home keeps what comes before a keyframe.
        for at_least_ms in [400, 900, 900, 2200] {
            let span = Duration::from_millis(at_least_ms + world.chance.below(200));
            world.stall(1, span);
            let pause = span + Duration::from_millis(1500);
            world.run(pause);
        }
        println!("seed {seed}: {} refused, dark for {:?} at most", world.excerpts_refused(), world.worst_dark);
        assert!(world.workers[&1].mailbox.full_at.len() > 10, "its mailbox was full");
        world.settle();
        let filmed = filmed(&world) - before.0;
        for (trainee, before) in trainees.into_iter().zip(before.1) {
            let at = world.clients[trainee].receiving.expect("a viewer");
            let sight = &world.peers[&at].screens[0].sight;
            assert_eq!((sight.filled, sight.overcome), (0, 0), "{}: nothing was missing", sight.name);
            let full_at = &world.workers[&world.clients[trainee].worker].mailbox.full_at;
            let was_full = |since: &Duration, until: &Duration| {
                full_at.iter().map(|at| at.duration_since(world.began)).any(|at| (*since..*until).contains(&at))
            };
            for (before, after) in &sight.skips {
                let [begin, end] = [before, after].map(|body| Duration::from_micros(body.captured_us));
                let forgotten = begin + KEPT;
                let may_be = was_full(&begin, &end) && was_full(&forgotten, &(forgotten + KEPT));
                assert!(may_be, "{}: left out what comes between {before:?} and {after:?}", sight.name);
            }
            let skipped: u32 = sight.skips.iter().map(|(before, after)| after.frame - before.frame - 1).sum();
            let seen = sight.decoded - before;
            println!("    {}: {seen} of {filmed} frames, {skipped} left out", sight.name);
            // One or two are under way at either moment.
            let is_all = (seen + u64::from(skipped)).abs_diff(filmed) < 4;
            assert!(is_all, "{}: {seen} of {filmed} frames, {skipped} left out", sight.name);
        }
    });
}

#[test]
fn an_annex_that_cannot_take_what_must_not_be_lost_is_closed_and_opened_again() {
    each_seed("an_annex_that_cannot_take_what_must_not_be_lost_is_closed_and_opened_again", 3, |seed| {
        let mut world = World::new(seed);
        let (surgeon, trainees) = house(&mut world, 3, LENS, |_| Weather::rough(15, 5).into());
        let expert = world.enter(Role::Expert, None);
        world.run_ms(1000);
        world.stall(1, Duration::from_secs(3));
        let (_, feed) = world.feeds()[0];
        for round in 0..120 {
            world.mute(surgeon, feed, round % 2 == 0);
            world.run_ms(10);
        }
        assert!(!world.workers.contains_key(&1), "it is closed");
        assert!(world.workers.contains_key(&2), "the other one is not");
        let gone: Vec<bool> = trainees.iter().map(|trainee| world.clients[*trainee].is_gone).collect();
        assert_eq!(gone, [true, false, true, false, true, false]);
        assert!(!world.clients[expert].is_gone && !world.clients[surgeon].is_gone);
        let annex = world.open_annex();
        let back: Vec<usize> = (0..3).map(|_| world.enter_at(annex, Role::Trainee, None)).collect();
        world.run_ms(100);
        for trainee in back {
            world.receive(trainee, 1, 0, Weather::clear(10).into());
            switch(&mut world, trainee);
        }
        world.settle();
    });
}
