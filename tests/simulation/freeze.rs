//! What one feed and one voice are like on lines of all kinds, the whole way: what is lost is asked for, sent again, and
//! waited for. How long pictures stand that browsers call frozen is judged, and printed as one table.

use std::cell::RefCell;
use std::time::Duration;

use signaling::{FeedKind, Role};

use crate::camera::Lens;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::world::World;

/// 1.4 Mb/s, 150 packets a second: the engine's peers ask for nothing that is 100 packets old, where browsers wait for a
/// thousand; and only every 33 ms, and again after 105, where browsers do every 20 and after the round trip.
const LENS: Lens = Lens { parts: 6, bytes: 1150, keyframe_times: 3, ..Lens::of(FeedKind::Endoscope) };
/// Viewers of one world: each has a line with dice of its own.
const VIEWERS: usize = 20;
/// What is found out about a line in the first seconds is not judged; then it is looked at for so long.
const SETTLES_MS: u64 = 8000;
const LOOKS_MS: u64 = 100;
const WATCHED_S: u64 = 30;

/// A line, and what must come of it.
struct Line {
    name: &'static str,
    down: Weather,
    up: Weather,
    /// Worlds in `make test`; `SIMULATION_SEEDS` plays others.
    worlds: u64,
    /// Of all time, over all viewers, and over the worst of them.
    most_frozen: f64,
    worst_frozen: f64,
    /// No picture of any viewer stands longer.
    longest_ms: u64,
    /// Of 25 a second and of all packets of the voice, the worst viewer.
    least_frames: f64,
    least_voice: f64,
}

const NEAR: Weather = Weather::clear(25);
const FAR: Weather = Weather::clear(50);
const STRICT: Line = Line {
    name: "clean, 50 ms there and back",
    down: NEAR,
    up: NEAR,
    worlds: 2,
    most_frozen: 0.0,
    worst_frozen: 0.0,
    longest_ms: 100,
    least_frames: 24.5,
    least_voice: 0.99,
};

/// Of the bars, 1 % of frozen time is the issue's. A gap of 200 ms is kept by browsers, which ask sooner than the engine's peers
/// (`smoothness.mjs`); what stands here for those keeps it from growing. Voices have no redundancy here.
const LOSSY: Line =
    Line { most_frozen: 0.01, worst_frozen: 0.03, longest_ms: 300, least_frames: 24.0, least_voice: 0.9, ..STRICT };

const LINES: [Line; 9] = [
    STRICT,
    Line {
        name: "5 % lost, 100 ms there and back",
        down: FAR.losing(50),
        up: FAR.losing(50),
        worlds: 10,
        longest_ms: 600,
        ..LOSSY
    },
    Line { name: "3 % lost, 50 ms", down: NEAR.losing(30), up: NEAR.losing(30), ..LOSSY },
    Line { name: "5 % lost, 50 ms", down: NEAR.losing(50), up: NEAR.losing(50), ..LOSSY },
    // Where four attempts fail, peers of the engine ask no more, and wait for the next keyframe.
    Line {
        name: "10 % lost, 50 ms",
        down: NEAR.losing(100),
        up: NEAR.losing(100),
        worst_frozen: 0.08,
        longest_ms: 2500,
        least_voice: 0.83,
        ..LOSSY
    },
    // Each burst stops the picture for a little more than 200 ms until the second within a quarter of a minute.
    Line { name: "all of 100 ms lost every 4 s, 50 ms", down: NEAR.bursting(100, 4000), most_frozen: 0.015, ..LOSSY },
    Line { name: "60 ms of jitter, 50 ms", down: NEAR.jittering(60), up: NEAR.jittering(60), ..LOSSY },
    Line {
        name: "back 100 kb/s, 20 % lost, 100 ms of jitter; 50 ms",
        up: NEAR.losing(200).narrow(100).jittering(100),
        ..STRICT
    },
    // The voice comes through. The picture has its share of the line, and yet stands far too often in a queue that somebody
    // else keeps full: what is here is what it is, and not what it should be.
    Line {
        name: "one TCP connection on the same 6 Mb/s, 50 ms",
        down: NEAR.narrow(6000).shared(),
        most_frozen: 0.2,
        worst_frozen: 0.25,
        longest_ms: 1500,
        least_frames: 14.0,
        least_voice: 0.98,
        ..STRICT
    },
];

/// What one viewer saw and heard.
struct Seen {
    seed: u64,
    frozen: f64,
    longest: Duration,
    frames_per_second: f64,
    /// Of the voice's packets.
    voice: f64,
    /// How long it was told to hold pictures back, each time that was looked at.
    told_ms: Vec<u64>,
}

fn watch(seed: u64, line: &Line) -> Vec<Seen> {
    let mut world = World::new(seed);
    let surgeon = world.enter(Role::Surgeon, Some("site-a"));
    world.publish(surgeon, &[LENS, Lens::MICROPHONE], Weather::clear(5).into());
    let feed = world.feeds()[0].1;
    let viewers: Vec<usize> = (0..VIEWERS)
        .map(|_| {
            let expert = world.enter(Role::Expert, None);
            // The scenario judges.
            world.clients[expert].is_excused = true;
            let at = world.receive(expert, 1, 1, line.down.into());
            world.peers.get_mut(&at).expect("it is there").up.weather = line.up;
            world.watch(expert, 0, Some(feed));
            at
        })
        .collect();
    world.run_ms(SETTLES_MS);
    let from = world.now;
    let mut told_ms = vec![Vec::new(); VIEWERS];
    for _ in 0..WATCHED_S * 1000 / LOOKS_MS {
        world.run_ms(LOOKS_MS);
        for (at, told_ms) in viewers.iter().zip(&mut told_ms) {
            let told = world.peers[at].screens[0].playout_delay;
            told_ms.push(told.unwrap_or_default().as_millis() as u64);
        }
    }
    let until = world.now;
    // What is on its way is still to be shown.
    world.run_ms(1000);
    let watched = until.duration_since(from).as_secs_f64();
    let seen = viewers.iter().zip(told_ms).map(|(at, told_ms)| {
        let screens = &world.peers[at].screens;
        let shown = |place: usize, every| screens[place].player.between(world.began, from, until, every);
        let (picture, voice) = (shown(0, LENS.every), shown(1, Lens::MICROPHONE.every));
        Seen {
            seed,
            frozen: picture.frozen.as_secs_f64() / watched,
            longest: picture.longest,
            frames_per_second: picture.frames as f64 / watched,
            voice: voice.frames as f64 * Lens::MICROPHONE.every.as_secs_f64() / watched,
            told_ms,
        }
    });
    seen.collect()
}

#[test]
fn a_feed_and_a_voice_on_lines_of_all_kinds() {
    println!(
        "| line | viewers | frozen | the worst | longest gap, ms | frames a second, least | voice, least | told p50 / most, ms |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut failed = Vec::new();
    for line in LINES {
        let all = RefCell::new(Vec::new());
        each_seed("a_feed_and_a_voice_on_lines_of_all_kinds", line.worlds, |seed| {
            all.borrow_mut().extend(watch(seed, &line));
        });
        let all = all.into_inner();
        let frozen = all.iter().map(|seen| seen.frozen).sum::<f64>() / all.len() as f64;
        let worst = all.iter().max_by(|one, other| one.frozen.total_cmp(&other.frozen)).expect("viewers");
        let longest = all.iter().max_by_key(|seen| seen.longest).expect("viewers");
        let least = |of: fn(&Seen) -> f64| all.iter().map(of).min_by(f64::total_cmp).expect("viewers");
        let (frames, voice) = (least(|seen| seen.frames_per_second), least(|seen| seen.voice));
        let mut told_ms: Vec<u64> = all.iter().flat_map(|seen| seen.told_ms.iter().copied()).collect();
        told_ms.sort_unstable();
        let row = format!(
            "| {} | {} | {:.2} % | {:.2} % (seed {}) | {} (seed {}) | {frames:.1} | {:.1} % | {} / {} |",
            line.name,
            all.len(),
            frozen * 100.0,
            worst.frozen * 100.0,
            worst.seed,
            longest.longest.as_millis(),
            longest.seed,
            voice * 100.0,
            told_ms[told_ms.len() / 2],
            told_ms[told_ms.len() - 1],
        );
        println!("{row}");
        let is_good = frozen <= line.most_frozen
            && worst.frozen <= line.worst_frozen
            && longest.longest <= Duration::from_millis(line.longest_ms)
            && frames >= line.least_frames
            && voice >= line.least_voice;
        if !is_good {
            failed.push(row);
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
