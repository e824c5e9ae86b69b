//! A publisher that begins anew: its program was restarted, or its encoder was.

use signaling::{FeedKind, Role};
use str0m::rtp::Ssrc;

use crate::body::Codec;
use crate::camera::Lens;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::world::World;

const LENSES: [Lens; 2] = [Lens::of(FeedKind::Endoscope), Lens { codec: Codec::Vp8, ..Lens::of(FeedKind::Ultrasound) }];

/// A surgeon's peer on a line of this kind, and some who watch both feeds of it over lines of all kinds.
fn room(world: &mut World, weather: Weather) -> (usize, usize) {
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    let publishing = world.publish(surgeon, &LENSES, weather.into());
    for place in 0..4 {
        let expert = world.enter(Role::Expert, None);
        let weather = Weather::rough(5 + world.chance.below(50), 10).losing(10 * place);
        world.receive(expert, 2, 0, weather.into());
        for (slot, lens) in LENSES.iter().enumerate() {
            world.watch_site(expert, slot as u32, "site-a", lens.kind.expect("a camera"));
        }
    }
    let pause = 2500 + world.chance.below(2000);
    world.run_ms(pause);
    (surgeon, publishing)
}

#[test]
fn a_publisher_that_was_restarted() {
    each_seed("a_publisher_that_was_restarted", 3, |seed| {
        let mut world = World::new(seed);
        let (surgeon, _) = room(&mut world, Weather::rough(15, 8).losing(10));
        for _ in 0..3 {
            let weather = Weather::rough(15, 8).losing(10);
            let first_sequence = world.chance.below(30_000) as u16;
            let lenses = LENSES.map(|lens| Lens { first_sequence, ..lens });
            world.publish(surgeon, &lenses, weather.into());
            let pause = 2500 + world.chance.below(3000);
            world.run_ms(pause);
        }
        println!("seed {seed}: dark for {:?} at most", world.worst_dark);
        world.settle();
    });
}

#[test]
fn an_encoder_that_takes_another_ssrc() {
    each_seed("an_encoder_that_takes_another_ssrc", 8, |seed| {
        let mut world = World::new(seed);
        // The engine as a publisher hears nothing that is asked of its new SSRC, so its way must be clear.
        let (_, publishing) = room(&mut world, Weather::clear(15));
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
    });
}
