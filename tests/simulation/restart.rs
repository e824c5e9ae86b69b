//! A publisher that begins anew: its program was restarted, or its encoder was.

use signaling::{FeedKind, Role};
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
