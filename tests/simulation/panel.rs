//! An expert who watches twelve feeds at once, on lines of all widths: what each slot is given once that is steady, how long it
//! takes until it is, and that it stays so.

use std::cell::RefCell;
use std::ops::Range;
use std::time::{Duration, Instant};

use signaling::{ClientMessage, FeedId, FeedKind, Role, Slot};

use crate::camera::{Lens, Quality};
use crate::link::Weather;
use crate::seed::each_seed;
use crate::worker::HOME;
use crate::world::World;

/// A browser's feed: 2.5 Mb/s, 620 and 150 kb/s.
const QUALITIES: [Quality; 3] = [
    Quality { rid: "h", size: (1280, 720), parts: 9, bytes: 1150 },
    Quality { rid: "m", size: (640, 360), parts: 3, bytes: 850 },
    Quality { rid: "l", size: (320, 180), parts: 1, bytes: 620 },
];
const BROWSER: Lens = Lens {
    qualities: &QUALITIES,
    every: Duration::from_micros(33_333),
    // Only when it is asked.
    group: u32::MAX,
    keyframe_times: 3,
    varies: true,
    ..Lens::of(FeedKind::Endoscope)
};
/// A capture card's: 2.5 Mb/s, a keyframe every two seconds whatever is asked; what is smaller the server makes.
const CARD: Lens =
    Lens { qualities: &[], size: Some((1280, 720)), parts: 9, bytes: 1150, group: 60, is_willing: false, ..BROWSER };

const SLOTS: usize = 12;
const VOICES: usize = 3;
/// One large picture, three at its side, and eight thumbnails.
const LARGE: (u16, u16) = (1280, 720);
const SIDE: (u16, u16) = (640, 360);
const SMALL: (u16, u16) = (320, 180);
const SIDES: Range<usize> = 1..4;
const THUMBNAILS: Range<usize> = 4..SLOTS;
const LOOKS_A_SECOND: usize = 10;
/// After this it is steady.
const SETTLES_S: usize = 20;
const WATCHED_S: usize = 120;
/// A line that is wide enough for all, and within what time it then is there, in seconds. What is narrower is full at first, and
/// has everything only when that is known.
const WIDE_KBPS: u32 = 20_000;
const THERE_S: f64 = 2.0;
/// The large picture stands no longer.
const LONGEST: Duration = Duration::from_millis(500);
const ONE_EVERY_30_S: usize = WATCHED_S / 30;

/// A picture is there when it has moved for so long.
const MOVES_FOR: Duration = Duration::from_secs(2);

/// What each slot is given, by the height of its pictures; 0 for nothing.
type Given = [u16; SLOTS];

/// The whole panel on one line.
struct Panel {
    world: World,
    expert: usize,
    at: usize,
    came: Instant,
    /// The feed in the large place comes in one layer.
    is_card: bool,
    /// What was given since the expert came, each time that was looked at.
    given: Vec<Given>,
}

impl Panel {
    /// Three operations are on when an expert comes, whose line is that wide.
    fn new(seed: u64, width_kbps: u32) -> Self {
        let mut world = World::new(seed);
        for site in ["site-a", "site-b", "site-c"] {
            let surgeon = world.enter(Role::Surgeon, Some(site));
            let kinds = [FeedKind::Endoscope, FeedKind::Ultrasound, FeedKind::Ct, FeedKind::Room];
            let lenses = [BROWSER, CARD, BROWSER, BROWSER].into_iter().zip(kinds);
            let lenses = lenses.map(|(lens, kind)| Lens { kind: Some(kind), ..lens }).chain([Lens::MICROPHONE]);
            world.publish(surgeon, &lenses.collect::<Vec<_>>(), Weather::clear(5).into());
        }
        world.run_ms(3000);
        let expert = world.enter(Role::Expert, None);
        // The scenario judges.
        world.clients[expert].is_excused = true;
        let at = world.receive(expert, SLOTS, VOICES, Weather::clear(20).narrow(width_kbps).into());
        let feeds: Vec<FeedId> = world.feeds().into_iter().map(|(_, feed)| feed).collect();
        for slot in 0..SLOTS {
            world.watch(expert, slot as u32, Some(feeds[(slot + seed as usize) % SLOTS]));
            let is_side = SIDES.contains(&slot);
            let (width, height) = if slot == 0 {
                LARGE
            } else if is_side {
                SIDE
            } else {
                SMALL
            };
            world.say(expert, ClientMessage::Resize { slot: Slot(slot as u32), width, height });
        }
        let came = world.now;
        Self { world, expert, at, came, is_card: seed % 4 == 1, given: Vec::new() }
    }

    fn run(&mut self, seconds: usize) {
        for _ in 0..seconds * LOOKS_A_SECOND {
            self.world.run_ms(1000 / LOOKS_A_SECOND as u64);
            let member = self.world.clients[self.expert].roster.me;
            let mut given = [0; SLOTS];
            for viewer in self.world.workers[&HOME].room.report().viewers {
                if Some(viewer.member) == member {
                    given[viewer.slot] = viewer.sink.given.map_or(0, |given| given.height.expect("it says its size"));
                }
            }
            self.given.push(given);
        }
    }

    fn steady(&self) -> &[Given] {
        &self.given[SETTLES_S * LOOKS_A_SECOND..]
    }

    /// How often what these slots are given changed while it was steady, the most of one.
    fn changes(&self, slots: Range<usize>) -> usize {
        let changes = |slot: usize| self.steady().windows(2).filter(|two| two[0][slot] != two[1][slot]).count();
        slots.map(changes).max().expect("slots")
    }

    /// What part of the steady time this holds.
    fn part(&self, holds: impl Fn(&Given) -> bool) -> f64 {
        let steady = self.steady();
        steady.iter().filter(|given| holds(given)).count() as f64 / steady.len() as f64
    }

    /// What each slot is given for most of the steady time.
    fn usual(&self) -> Given {
        std::array::from_fn(|slot| {
            let mut heights: Vec<u16> = self.steady().iter().map(|given| given[slot]).collect();
            heights.sort_unstable();
            heights[heights.len() / 2]
        })
    }

    /// How many seconds after the first picture of any each slot that has one has what it is usually given, and that moves.
    fn there_after_s(&self) -> Vec<f64> {
        let (began, screens, usual) = (self.world.began, &self.world.peers[&self.at].screens, self.usual());
        let begins = screens[..SLOTS].iter().map(|screen| screen.player.begins(began, BROWSER.every, MOVES_FOR));
        let begins: Vec<_> = begins.collect();
        let first_at = begins.iter().flatten().map(|(first_at, _)| *first_at).min().expect("pictures");
        let there_after_s = |slot: usize| {
            let given = self.given.iter().position(|given| given[slot] == usual[slot]).expect("it is usual");
            let given_at = self.came + Duration::from_millis(1000 / LOOKS_A_SECOND as u64) * given as u32;
            let at = begins[slot].map(|(_, moves_from)| moves_from.max(given_at));
            at.map_or(f64::INFINITY, |at| at.saturating_duration_since(first_at).as_secs_f64())
        };
        (0..SLOTS).filter(|slot| usual[*slot] > 0).map(there_after_s).collect()
    }

    /// No picture at the side is larger than the large one, and none is larger than it must be where a thumbnail is left out.
    fn is_in_order(&self, given: &Given) -> bool {
        let are_least = given[SIDES].iter().all(|height| *height <= SMALL.1);
        let are_smaller = given[SIDES].iter().all(|height| *height <= given[0]);
        given[0] > 0 && are_smaller && (are_least || !given[THUMBNAILS].contains(&0))
    }
}

/// What the large picture is given for most of the time: that of a browser, and that of a card, which has fewer frames where it
/// is not whole.
fn large_on(width_kbps: u32, is_card: bool) -> u16 {
    match (width_kbps, is_card) {
        (8000.., _) | (4000, true) => 720,
        (4000, false) => 360,
        _ => 180,
    }
}

#[test]
fn twelve_slots_on_lines_of_all_widths() {
    println!(
        "| line, kb/s | large | given, heights | changes: large | side | small | in order | voice | large frozen | longest, ms | large there, s | all, s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut failed = Vec::new();
    for width_kbps in [20_000, 8000, 4000, 2000, 1000] {
        let failed = RefCell::new(&mut failed);
        each_seed("twelve_slots_on_lines_of_all_widths", 2, |seed| {
            let mut panel = Panel::new(seed, width_kbps);
            panel.run(SETTLES_S);
            let from = panel.world.now;
            panel.run(WATCHED_S);
            let until = panel.world.now;
            panel.world.run_ms(1000);
            let (began, screens) = (panel.world.began, &panel.world.peers[&panel.at].screens);
            let large = screens[0].player.between(began, from, until, BROWSER.every);
            let voices = screens[SLOTS..].iter();
            let heard = voices.map(|voice| voice.player.between(began, from, until, Lens::MICROPHONE.every).frames);
            let voice = heard.min().expect("voices") as f64 * Lens::MICROPHONE.every.as_secs_f64() / WATCHED_S as f64;
            let [of_large, of_sides, of_small] = [0..1, SIDES, THUMBNAILS].map(|slots| panel.changes(slots));
            let in_order = panel.part(|given| panel.is_in_order(given));
            let usual = panel.usual();
            let frozen = large.frozen.as_secs_f64() / WATCHED_S as f64;
            let there_after_s = panel.there_after_s();
            let (large_there_s, all_there_s) = (there_after_s[0], there_after_s.into_iter().fold(0.0, f64::max));
            let row = format!(
                "| {width_kbps} (seed {seed}) | {} | {usual:?} | {of_large} | {of_sides} | {of_small} | {:.0} % | {:.1} % | {:.1} % | {} | {large_there_s:.1} | {all_there_s:.1} |",
                if panel.is_card { "card" } else { "browser" },
                in_order * 100.0,
                voice * 100.0,
                frozen * 100.0,
                large.longest.as_millis(),
            );
            println!("{row}");
            let is_good = usual[0] == large_on(width_kbps, panel.is_card)
                && panel.part(|given| given[0] > 0) == 1.0
                && in_order >= 0.99
                && voice >= 0.99
                && of_large.max(of_sides).max(of_small) <= ONE_EVERY_30_S
                && large.longest <= LONGEST
                && (width_kbps < WIDE_KBPS || all_there_s < THERE_S);
            if !is_good {
                failed.borrow_mut().push(row);
            }
        });
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
