//! More audience than a worker has time for: the panel notices nothing, and who has to wait is told so.

use std::time::Duration;

use media::Protocol;
use room::Input;
use signaling::{FeedKind, Role, VacantReason};

use crate::camera::Lens;
use crate::client::Way;
use crate::link::Weather;
use crate::screen::Screen;
use crate::seed::each_seed;
use crate::worker::HOME;
use crate::world::World;

/// 2.2 Mb/s.
const LENS: Lens = Lens { parts: 10, bytes: 1100, ..Lens::of(FeedKind::Endoscope) };
/// The same with ten seconds between two keyframes, however it is asked.
const RARE: Lens = Lens { group: 250, is_willing: false, ..LENS };
const CAPACITY: Option<VacantReason> = Some(VacantReason::Capacity);
const AUDIENCE: usize = 60;
/// What all of them together are sent in a second.
const DEMAND_BYTES: u64 = AUDIENCE as u64 * 25 * 10 * 1150;

/// A surgeon, an expert and the audience, the last of them over TCP; gives the peers of those who watch.
fn crowd(world: &mut World, lens: Lens) -> (usize, Vec<usize>) {
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    world.publish(surgeon, &[lens], Weather::clear(10).into());
    let (_, feed) = world.feeds()[0];
    let watch = |world: &mut World, role, protocol| {
        let viewer = world.enter(role, None);
        let delay_ms = 5 + world.chance.below(30);
        let at = world.receive(viewer, 1, 0, Way { protocol, ..Weather::clear(delay_ms).into() });
        world.watch(viewer, 0, Some(feed));
        at
    };
    let expert = watch(world, Role::Expert, Protocol::Udp);
    let protocol = |place| if place + 1 < AUDIENCE { Protocol::Udp } else { Protocol::Tcp };
    let audience = (0..AUDIENCE).map(|place| watch(world, Role::Trainee, protocol(place))).collect();
    world.run_ms(3000);
    (expert, audience)
}

/// The worker can send so much of a hundred parts of what there is; or everything.
fn limit(world: &mut World, percent: Option<u64>) {
    let worker = world.workers.get_mut(&HOME).expect("the home");
    worker.capacity_bytes = percent.map(|percent| DEMAND_BYTES * percent / 100);
}

fn screen(world: &World, peer: usize) -> &Screen {
    &world.peers[&peer].screens[0]
}

#[test]
fn a_crowd_that_is_too_much() {
    each_seed("a_crowd_that_is_too_much", 2, |seed| {
        let mut world = World::new(seed);
        let (expert, audience) = crowd(&mut world, LENS);
        let percent = 40 + world.chance.below(30);
        limit(&mut world, Some(percent));
        world.run_ms(8000);
        let thinned = world.workers[&HOME].room.report().counters.viewers_thinned;
        let waiting = audience.iter().filter(|peer| screen(&world, **peer).waits_for() == CAPACITY).count();
        let told = audience.iter().filter(|peer| !screen(&world, **peer).waits.is_empty()).count();
        println!(
            "seed {seed}: capacity for {percent} of a hundred: {thinned} times thinned, {told} told, {waiting} wait"
        );
        assert!(told > AUDIENCE / 10, "who has to wait is told so");
        limit(&mut world, None);
        world.run_ms(4000);
        let before: Vec<u64> = audience.iter().map(|peer| screen(&world, *peer).sight.decoded).collect();
        world.run_ms(2000);
        for (peer, before) in audience.iter().zip(before) {
            let Screen { sight, .. } = screen(&world, *peer);
            assert!(screen(&world, *peer).waits_for().is_none(), "{} was not told that it goes on", sight.name);
            assert!(sight.decoded >= before + 49, "{} sees {} frames in 2 s", sight.name, sight.decoded - before);
            assert_eq!((sight.filled, sight.overcome), (0, 0), "{}: what was left out is no hole", sight.name);
        }
        let frames =
            u64::from(world.peers.values().flat_map(|peer| &peer.cameras).map(|camera| camera.frame).sum::<u32>());
        for (peer, who) in [(expert, "the panel"), (audience[0], "who came first")] {
            let Screen { sight, waits, .. } = screen(&world, peer);
            assert!(waits.is_empty() && sight.overcome == 0, "{who} does not wait");
            assert!(sight.decoded + 10 > frames, "{who} has {} of {frames} frames", sight.decoded);
        }
        world.settle();
    });
}

/// Whose own line is full waits for that, and for no capacity any more.
#[test]
fn a_viewer_whose_own_line_is_full_is_not_told_to_wait_for_capacity() {
    each_seed("a_viewer_whose_own_line_is_full_is_not_told_to_wait_for_capacity", 2, |seed| {
        let mut world = World::new(seed);
        let (_, audience) = crowd(&mut world, RARE);
        let last = *audience.last().expect("somebody");
        limit(&mut world, Some(50));
        let begin = world.now;
        while screen(&world, last).waits_for() != CAPACITY {
            world.run_ms(10);
            assert!(world.now.duration_since(begin) < Duration::from_secs(10), "there is capacity for everybody");
        }
        let (session, peer, client) = {
            let peer = &world.peers[&last];
            (peer.session, peer.outside, peer.client)
        };
        world.clients[client].is_excused = true;
        world.handle(HOME, Input::Held { session, peer, is_held: true });
        limit(&mut world, None);
        world.run_ms(300);
        assert_eq!(screen(&world, last).waits_for(), None, "it is its own line that it waits for");
        world.handle(HOME, Input::Held { session, peer, is_held: false });
        world.run_ms(500);
        world.clients[client].is_excused = false;
        world.settle();
    });
}
