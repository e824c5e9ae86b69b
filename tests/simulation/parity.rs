//! Parity towards a viewer who is far away: when it is sent, and under which numbers, which `wire` listens to. The engine's peers
//! cannot offer it, mend nothing by it and do not tell that it came: what it is good for is seen in a browser (journey
//! `parity`).

use signaling::{FeedKind, Role};

use crate::camera::Lens;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::worker::HOME;
use crate::world::World;

/// An answer as the engine understands it, and the streams of parity in it.
pub(crate) struct Answered {
    pub(crate) rest: String,
    pub(crate) ssrcs: Vec<u32>,
}

/// An offer with what Chromium adds to it.
pub(crate) fn offered(sdp: &str) -> String {
    let mut is_visible = false;
    let line = |line: &str| {
        is_visible = if line.starts_with("m=") { line.starts_with("m=video ") } else { is_visible };
        match is_visible {
            true if line.starts_with("m=") => format!("{line} 49\r\n"),
            true if line.starts_with("a=mid:") => format!("{line}\r\na=rtpmap:49 flexfec-03/90000\r\n"),
            _ => format!("{line}\r\n"),
        }
    };
    sdp.lines().map(line).collect()
}

pub(crate) fn answered(sdp: &str) -> Answered {
    let of_group = |line: &str| line.strip_prefix("a=ssrc-group:FEC-FR ")?.split(' ').nth(1)?.parse().ok();
    let ssrcs: Vec<u32> = sdp.lines().filter_map(of_group).collect();
    let is_of_parity = |line: &str| {
        line.starts_with("a=ssrc-group:FEC-FR")
            || ["rtpmap", "fmtp", "rtcp-fb"].iter().any(|what| line.starts_with(&format!("a={what}:49 ")))
            || ssrcs.iter().any(|ssrc| line.starts_with(&format!("a=ssrc:{ssrc} ")))
    };
    let without = |line: &str| match line.strip_suffix(" 49").filter(|line| line.starts_with("m=video ")) {
        Some(line) => format!("{line}\r\n"),
        None => format!("{line}\r\n"),
    };
    let rest = sdp.lines().filter(|line| !is_of_parity(line)).map(without).collect();
    Answered { rest, ssrcs }
}

/// 2.2 Mb/s, 250 packets a second.
const LENS: Lens = Lens { parts: 10, bytes: 1100, ..Lens::of(FeedKind::Endoscope) };

/// An expert who watches a surgeon over a line like this, and takes parity with that or not yet.
fn watching(seed: u64, weather: Weather, takes_parity: bool) -> (World, usize) {
    let mut world = World::new(seed);
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    world.publish(surgeon, &[LENS], Weather::clear(10).into());
    let expert = world.enter(Role::Expert, None);
    (world.clients[expert].takes_parity, world.clients[expert].is_excused) = (takes_parity, true);
    world.receive(expert, 1, 0, weather.into());
    let (_, feed) = world.feeds()[0];
    world.watch(expert, 0, Some(feed));
    (world, expert)
}

/// The packets of parity that are sent in so long.
fn sent(world: &mut World, seconds: u64) -> u64 {
    let count = |world: &World| world.workers[&HOME].room.report().counters.parity_packets;
    let before = count(world);
    world.run_ms(seconds * 1000);
    count(world) - before
}

const FAR: Weather = Weather::clear(75).losing(20);

#[test]
fn who_is_far_away_is_sent_parity_under_numbers_of_its_own() {
    each_seed("who_is_far_away_is_sent_parity_under_numbers_of_its_own", 4, |seed| {
        let far = sent(&mut watching(seed, FAR, true).0, 60);
        println!("seed {seed}: {far} packets of parity");
        assert!(far > 2000, "{far} in a minute");
        assert_eq!(sent(&mut watching(seed, Weather::clear(75), true).0, 60), 0, "nothing is lost");
    });
}

/// The world fails where anything leaves that the last answer did not announce, or has a number that was used before.
#[test]
fn who_offers_it_no_more_is_sent_none_until_it_is_offered_again() {
    each_seed("who_offers_it_no_more_is_sent_none_until_it_is_offered_again", 4, |seed| {
        for is_first in [true, false] {
            let (mut world, expert) = watching(seed, FAR, is_first);
            for takes_parity in [is_first, !is_first, is_first, !is_first] {
                world.clients[expert].takes_parity = takes_parity;
                world.receive_again(expert);
                let packets = sent(&mut world, 20);
                println!("seed {seed}: {packets} packets of parity");
                assert!(packets == 0 || takes_parity, "{packets} that it does not take");
                assert!(packets > 200 || !takes_parity, "{packets} where it takes them");
            }
        }
    });
}
