//! A publisher that begins anew: its program was restarted, or its encoder was.

use room::Door;
use signaling::{FeedId, FeedKind, Role};
use str0m::rtp::Ssrc;

use crate::body::Codec;
use crate::camera::Lens;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::worker::HOME;
use crate::world::World;

const LENSES: [Lens; 2] = [Lens::of(FeedKind::Endoscope), Lens { codec: Codec::Vp8, ..Lens::of(FeedKind::Ultrasound) }];

/// A surgeon's peer on a line of this kind, and some who watch both feeds of it over lines of all kinds, at these
/// workers.
fn room(world: &mut World, workers: &[usize], weather: Weather) -> (usize, usize) {
    while world.last_worker < workers.iter().copied().max().unwrap_or(HOME) {
        world.open_annex();
    }
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    let publishing = world.publish(surgeon, &LENSES, weather.into());
    for (place, worker) in (0..4).zip(workers.iter().cycle()) {
        let role = if *worker == HOME { Role::Expert } else { Role::Trainee };
        let viewer = world.enter_at(*worker, role, None);
        if *worker != HOME {
            // Until then an annex may not know of the feeds.
            world.run_ms(60);
        }
        let weather = Weather::rough(5 + world.chance.below(50), 10).losing(10 * place);
        world.receive(viewer, 2, 0, weather.into());
        for (slot, lens) in LENSES.iter().enumerate() {
            world.watch_site(viewer, slot as u32, "site-a", lens.kind.expect("a camera"));
        }
    }
    let pause = 2500 + world.chance.below(2000);
    world.run_ms(pause);
    (surgeon, publishing)
}

/// Its program begins anew, three times.
fn restart(seed: u64, workers: &[usize]) {
    let mut world = World::new(seed);
    let (surgeon, _) = room(&mut world, workers, Weather::rough(15, 8).losing(10));
    let feeds = world.feeds();
    for _ in 0..3 {
        let weather = Weather::rough(15, 8).losing(10);
        let first_sequence = world.chance.below(30_000) as u16;
        let lenses = LENSES.map(|lens| Lens { first_sequence, ..lens });
        world.publish(surgeon, &lenses, weather.into());
        assert_eq!(world.feeds(), feeds, "what is published anew stays the same feed");
        let pause = 2500 + world.chance.below(3000);
        world.run_ms(pause);
    }
    println!("seed {seed}: dark for {:?} at most", world.worst_dark);
    world.settle();
}

/// Its encoders begin anew, three times.
fn change_ssrc(seed: u64, workers: &[usize]) {
    let mut world = World::new(seed);
    // The engine as a publisher hears nothing that is asked of its new SSRC, so its way must be clear.
    let (_, publishing) = room(&mut world, workers, Weather::clear(15));
    for round in 0..3_u32 {
        // Some of its numbers are those of packets that viewers have just lost.
        let back = world.chance.below(60);
        let peer = world.peers.get_mut(&publishing).expect("it is there");
        let camera = &mut peer.cameras[round as usize % 2];
        let (ssrc, resend) = (Ssrc::from(1000 + 2 * round), Ssrc::from(1001 + 2 * round));
        let mut api = peer.rtc.direct_api();
        api.reset_stream_tx(camera.mid, None, ssrc, Some(resend)).expect("a line that sends");
        camera.begin_anew(back);
        peer.name_streams();
        let pause = 2500 + world.chance.below(3000);
        world.run_ms(pause);
    }
    println!("seed {seed}: dark for {:?} at most", world.worst_dark);
    world.settle();
}

/// Its program is killed, and another one publishes the same before the server knows that the first is gone.
fn come_back(seed: u64, workers: &[usize]) {
    let mut world = World::new(seed);
    let (_, publishing) = room(&mut world, workers, Weather::clear(15));
    // Until the first falls silent there is nothing to see.
    world.clients.iter_mut().for_each(|client| client.is_excused = true);
    world.drop_peer(publishing);
    let away = 200 + world.chance.below(2000);
    world.run_ms(away);
    let device = world.enter(Role::Device, Some("site-a"));
    world.publish(device, &LENSES, Weather::clear(15).into());
    world.run_ms(4000);
    let decoded = |world: &World| -> Vec<u64> {
        let screens = world.peers.values().flat_map(|peer| &peer.screens);
        screens.map(|screen| screen.sight.decoded).collect()
    };
    let before = decoded(&world);
    world.run_ms(1000);
    let frames: Vec<u64> = decoded(&world).iter().zip(before).map(|(after, before)| after - before).collect();
    assert!(frames.len() == 8 && frames.iter().all(|frames| *frames >= 20), "seed {seed}: {frames:?} of 25");
}

/// All that a site may show; two of them have one name.
const ALL: [Lens; 4] =
    [Lens::of(FeedKind::Endoscope), Lens::of(FeedKind::Ultrasound), Lens::of(FeedKind::Room), Lens::of(FeedKind::Room)];

/// A box with these inputs publishes them by this door; gives its peers.
fn publish_inputs(world: &mut World, door: Door, inputs: &[Lens]) -> Vec<usize> {
    let enter = |world: &mut World| world.enter_as("box", door, HOME, Role::Device, Some("site-a"));
    let weather = Weather::clear(15);
    let first = world.clients.len();
    let peers = if door == Door::Whip {
        let publish = |lens: &Lens| {
            let session = enter(world);
            world.publish(session, &[*lens], weather.into())
        };
        inputs.iter().map(publish).collect()
    } else {
        let device = enter(world);
        vec![world.publish(device, inputs, weather.into())]
    };
    assert!(world.clients[first..].iter().all(|client| client.refused.is_empty()), "it is let in");
    peers
}

/// It loses its line, or is killed, and publishes the same before anybody has said that its feeds are silent.
fn come_back_whole(seed: u64, door: Door, is_killed: bool) {
    let mut world = World::new(seed);
    let first = publish_inputs(&mut world, door, &ALL);
    let expert = world.enter(Role::Expert, None);
    world.receive(expert, 4, 0, Weather::clear(15).into());
    for (slot, lens) in ALL.iter().enumerate() {
        world.watch_site(expert, slot as u32, "site-a", lens.kind.expect("a camera"));
    }
    world.run_ms(2500);
    for peer in &first {
        world.peers.get_mut(peer).expect("it is there").up.weather.lost_permille = 1000;
    }
    let away = 600 + world.chance.below(1200);
    world.run_ms(away);
    let again = publish_inputs(&mut world, door, &ALL);
    // From now on nobody may be sent anything of the first.
    let now = world.now;
    world
        .sources
        .iter_mut()
        .filter(|source| first.contains(&source.peer))
        .for_each(|source| source.replaced_at = Some(now));
    for peer in first {
        if is_killed {
            world.drop_peer(peer);
        } else {
            world.peers.get_mut(&peer).expect("it is there").up.weather.lost_permille = 0;
        }
    }
    world.run_ms(3000);
    let shown: Vec<FeedId> = world.workers[&HOME].room.report().feeds.iter().map(|feed| feed.feed).collect();
    let feeds: Vec<FeedId> = world.feeds().iter().map(|(_, feed)| *feed).collect();
    assert!(shown.len() == ALL.len() && shown == feeds, "seed {seed}: {shown:?} of {feeds:?}");
    let receiving = world.clients[expert].receiving.expect("a viewer");
    for screen in &world.peers[&receiving].screens {
        assert!(screen.shown().is_some_and(|(_, feed)| feeds.contains(&feed)), "seed {seed}: {:?}", screen.shows);
    }
    if door == Door::Whip {
        assert!(world.clients[..ALL.len()].iter().all(|session| session.is_gone), "whoever is there begins anew");
    } else {
        world.settle();
    }
    assert!(again.iter().all(|peer| world.peers.contains_key(peer)));
}

#[test]
fn a_box_with_all_four_inputs_is_back_before_its_feeds_are_silent() {
    let scenario = "a_box_with_all_four_inputs_is_back_before_its_feeds_are_silent";
    for door in [Door::Whip, Door::WebSocket] {
        each_seed(scenario, 3, |seed| come_back_whole(seed, door, true));
        each_seed(scenario, 3, |seed| come_back_whole(seed, door, false));
    }
}

#[test]
fn while_there_is_a_place_for_both_the_first_stays() {
    let scenario = "while_there_is_a_place_for_both_the_first_stays";
    each_seed(scenario, 1, |seed| {
        let mut world = World::new(seed);
        let first = publish_inputs(&mut world, Door::Whip, &ALL[..2]);
        world.run_ms(2500);
        first.iter().for_each(|peer| world.drop_peer(*peer));
        world.run_ms(1000);
        publish_inputs(&mut world, Door::Whip, &ALL[..2]);
        // Its pages say of what is new that it has taken a place, and know whose.
        let shown = world.workers[&HOME].room.report().feeds.len();
        assert_eq!(shown, 4, "seed {seed}");
    });
}

#[test]
fn a_publisher_that_was_killed_and_came_back_as_another() {
    each_seed("a_publisher_that_was_killed_and_came_back_as_another", 3, |seed| come_back(seed, &[HOME]));
    each_seed("a_publisher_that_was_killed_and_came_back_as_another", 3, |seed| come_back(seed, &[1, 2]));
}

#[test]
fn a_publisher_that_was_restarted() {
    each_seed("a_publisher_that_was_restarted", 3, |seed| restart(seed, &[HOME]));
}

#[test]
fn a_publisher_that_was_restarted_before_annexes() {
    each_seed("a_publisher_that_was_restarted_before_annexes", 3, |seed| restart(seed, &[1, 2]));
}

#[test]
fn an_encoder_that_takes_another_ssrc() {
    each_seed("an_encoder_that_takes_another_ssrc", 8, |seed| change_ssrc(seed, &[HOME]));
}

#[test]
fn an_encoder_that_takes_another_ssrc_before_annexes() {
    each_seed("an_encoder_that_takes_another_ssrc_before_annexes", 8, |seed| change_ssrc(seed, &[1, 2]));
}
