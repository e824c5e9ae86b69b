//! A viewer behind a firewall that lets TCP through only, and whose line is full for a while.

use std::time::Duration;

use media::Protocol;
use signaling::{FeedKind, Role};

use crate::camera::Lens;
use crate::client::Way;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::world::World;

/// A trainee on TCP whose line stands still three times, and one on UDP beside it; gives the publisher's peer and the
/// stalled one's.
fn full_line(seed: u64) -> (World, usize, usize) {
    let mut world = World::new(seed);
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    // 1.2 Mb/s: a stall of a second fills the connection.
    let lens = Lens { parts: 6, bytes: 1000, ..Lens::of(FeedKind::Endoscope) };
    let publishing = world.publish(surgeon, &[lens], Weather::clear(10).into());
    let (_, feed) = world.feeds()[0];
    let viewers = [Protocol::Tcp, Protocol::Udp].map(|protocol| {
        let trainee = world.enter(Role::Trainee, None);
        let at = world.receive(trainee, 1, 0, Way { protocol, ..Weather::clear(25).into() });
        world.watch(trainee, 0, Some(feed));
        (trainee, at)
    });
    world.run_ms(3000);
    let (trainee, at) = viewers[0];
    for _ in 0..3 {
        let stall = Duration::from_millis(1500 + world.chance.below(3000));
        let until = world.now + stall;
        world.clients[trainee].is_excused = true;
        world.pipes.get_mut(&at).expect("a connection").stall(until);
        world.run(stall + Duration::from_millis(1500));
        world.clients[trainee].is_excused = false;
        world.run_ms(2500);
    }
    (world, publishing, at)
}

#[test]
fn a_viewer_on_a_full_tcp_connection() {
    each_seed("a_viewer_on_a_full_tcp_connection", 3, |seed| {
        let (mut world, _, at) = full_line(seed);
        let pipe = &world.pipes[&at];
        assert!(pipe.holds >= 3, "it was full {} times", pipe.holds);
        assert_eq!(pipe.dropped, 0, "nothing is dropped half-way");
        world.settle();
        let missing = world.screens().map(|screen| screen.sight.filled + screen.sight.overcome).sum::<u64>();
        assert_eq!(missing, 0, "on lines that lose nothing nothing is missing");
    });
}

#[test]
fn a_publisher_is_asked_for_few_keyframes_because_of_a_full_line() {
    each_seed("a_publisher_is_asked_for_few_keyframes_because_of_a_full_line", 3, |seed| {
        let (world, publishing, at) = full_line(seed);
        let (asked, holds) = (world.peers[&publishing].cameras[0].asked_at.len(), world.pipes[&at].holds as usize);
        assert!(asked <= 2 * holds, "{asked} keyframes were asked for because of {holds} holds");
    });
}
