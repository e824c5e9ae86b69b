//! Who is there is heard, however bad its line and however little it has to say. Of a WHIP or WHEP session that is not the
//! place may go to another (rule L1).

use std::time::Duration;

use room::{ClientId, Door};
use signaling::{FeedKind, Role};

use crate::camera::Lens;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::worker::HOME;
use crate::world::World;

/// A session of whose peer nothing comes for so long is silent.
const SILENT_AFTER: Duration = Duration::from_secs(12);

/// A line that loses three of ten, both ways.
const BAD: Weather = Weather::rough(40, 20).losing(300);

/// What the publisher has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    /// It sends, and is seen.
    Live,
    /// It sends, and the server holds it back.
    Muted,
    /// Its camera gives no pictures.
    Dark,
}

/// A WHIP publisher and a WHEP viewer on such lines; for three minutes neither is silent.
fn hear(seed: u64, feed: Feed, weather: Weather) {
    let mut world = World::new(seed);
    let publisher = world.enter_as("box", Door::Whip, HOME, Role::Device, Some("site-a"));
    let publishing = world.publish(publisher, &[Lens::of(FeedKind::Endoscope)], weather.into());
    let viewer = world.enter_as("wall", Door::Whep, HOME, Role::Display, Some("site-a"));
    world.receive(viewer, 1, 0, weather.into());
    world.watch_site(viewer, 0, "site-a", FeedKind::Endoscope);
    // What a line that loses so much still shows is not asked here.
    world.clients.iter_mut().for_each(|client| client.is_excused = true);
    match feed {
        Feed::Live => {}
        Feed::Muted => {
            let (_, feed) = world.feeds()[0];
            world.mute(publisher, feed, true);
        }
        Feed::Dark => world.peers.get_mut(&publishing).expect("it is there").cameras[0].due = None,
    }
    let mut longest = [Duration::ZERO; 2];
    for _ in 0..1800 {
        world.run_ms(100);
        let room = &world.workers[&HOME].room;
        for (client, longest) in [publisher, viewer].into_iter().zip(&mut longest) {
            let heard_at = room.heard_at(ClientId(client as u64)).expect("it is there");
            *longest = world.now.duration_since(heard_at).max(*longest);
        }
    }
    let [of_publisher, of_viewer] = longest;
    println!("seed {seed}, {feed:?}: nothing of the publisher for {of_publisher:?}, of the viewer for {of_viewer:?}");
    assert!(longest.iter().all(|silence| *silence < SILENT_AFTER));
    assert!(world.clients.iter().all(|client| !client.is_gone), "and neither was given up");
}

#[test]
fn a_publisher_and_a_viewer_behind_heavy_loss() {
    each_seed("a_publisher_and_a_viewer_behind_heavy_loss", 3, |seed| hear(seed, Feed::Live, BAD));
}

#[test]
fn a_feed_that_is_held_back() {
    each_seed("a_feed_that_is_held_back", 2, |seed| hear(seed, Feed::Muted, Weather::clear(20)));
    each_seed("a_feed_that_is_held_back", 2, |seed| hear(seed, Feed::Muted, BAD));
}

#[test]
fn a_feed_without_pictures() {
    each_seed("a_feed_without_pictures", 2, |seed| hear(seed, Feed::Dark, Weather::clear(20)));
    each_seed("a_feed_without_pictures", 2, |seed| hear(seed, Feed::Dark, BAD));
}
