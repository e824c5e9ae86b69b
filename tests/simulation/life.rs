//! A consultation as it goes: three sites, a panel, an audience with the panel or in annexes; everybody comes, looks
//! around and goes.

use std::time::Duration;

use signaling::{FeedKind, Role};

use crate::body::Codec;
use crate::camera::Lens;
use crate::link::Weather;
use crate::seed::each_seed;
use crate::trace::Trace;
use crate::worker::HOME;
use crate::world::World;

pub(crate) const SITES: [&str; 3] = ["site-a", "site-b", "site-c"];

/// What a site shows: one camera speaks VP8, whose pictures are numbered, one says when it captured.
const LENSES: [Lens; 3] = [
    Lens { tells_capture: true, ..Lens::of(FeedKind::Endoscope) },
    Lens { codec: Codec::Vp8, ..Lens::of(FeedKind::Ultrasound) },
    Lens::MICROPHONE,
];

fn weather(world: &mut World) -> Weather {
    let (delay_ms, jitter_ms) = (2 + world.chance.below(60), world.chance.below(25));
    let lost_permille = *world.chance.pick(&[0, 0, 5, 20, 40]);
    Weather::rough(delay_ms, jitter_ms).losing(lost_permille)
}

/// How many streams share a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bundle {
    /// Those of a whole operating room, those of all slots.
    Many,
    /// One each. With several the engine, which is every peer and half of the server, says what it has to say of them
    /// in the order of a hash table, and no seed rules that.
    One,
}

/// Where somebody of a role comes in: who belongs to the audience anywhere.
fn door(world: &mut World, role: Role) -> usize {
    let workers: Vec<usize> = world.workers.keys().copied().collect();
    let is_audience = matches!(role, Role::Trainee | Role::Service);
    if is_audience && workers.len() > 1 { *world.chance.pick(&workers) } else { HOME }
}

/// Somebody who watches comes, and looks at something in each slot.
fn viewer(world: &mut World, role: Role, site: Option<&str>, bundle: Bundle) -> usize {
    let door = door(world, role);
    let client = world.enter_at(door, role, site);
    let slots = if bundle == Bundle::One { 1 } else { 1 + world.chance.below(3) as usize };
    receive(world, client, slots, bundle);
    for slot in 0..slots {
        look_elsewhere(world, client, slot as u32);
    }
    client
}

fn receive(world: &mut World, client: usize, slots: usize, bundle: Bundle) {
    let weather = weather(world);
    world.receive(client, slots, if bundle == Bundle::One { 0 } else { 2 }, weather.into());
}

/// A slot is given another feed, or none. What it must not have is refused.
fn look_elsewhere(world: &mut World, client: usize, slot: u32) {
    let feeds = world.feeds();
    let (_, feed) = *world.chance.pick(&feeds);
    let source = world.sources.iter().position(|source| source.feed == Some(feed)).expect("a feed that is there");
    let site = world.sources[source].site.clone();
    let is_his = world.truth.now.may_get(client, &world.sources[source]);
    let before = world.clients[client].refused.len();
    let is_refused = match (world.chance.below(10), site) {
        (0, _) => {
            world.watch(client, slot, None);
            false
        }
        (1..4, Some(site)) => {
            let kind = *world.chance.pick(&[FeedKind::Endoscope, FeedKind::Ultrasound, FeedKind::Ct]);
            world.watch_site(client, slot, site.as_str(), kind);
            !is_his
        }
        _ => {
            world.watch(client, slot, Some(feed));
            !is_his
        }
    };
    assert_eq!(world.clients[client].refused.len() - before, usize::from(is_refused), "client {client}, feed {feed}");
}

/// Everybody is there at the beginning who is there to the end.
fn open(world: &mut World, bundle: Bundle) -> Vec<usize> {
    for site in SITES {
        let surgeon = world.enter(Role::Surgeon, Some(site));
        match bundle {
            Bundle::Many => {
                let weather = weather(world);
                world.publish(surgeon, &LENSES, weather.into());
            }
            Bundle::One => {
                for lens in LENSES {
                    let device = world.enter(Role::Device, Some(site));
                    let weather = weather(world);
                    world.publish(device, &[lens], weather.into());
                }
            }
        }
    }
    world.run_ms(1500);
    let is_surgeon = |client: &usize| world.clients[*client].role == Role::Surgeon;
    let mut viewers: Vec<usize> = (0..world.clients.len()).filter(is_surgeon).collect();
    for surgeon in viewers.clone() {
        receive(world, surgeon, if bundle == Bundle::One { 1 } else { 2 }, bundle);
    }
    for role in [Role::Lead, Role::Expert] {
        let client = viewer(world, role, None, bundle);
        let weather = weather(world);
        let lenses = [Lens::of(FeedKind::Face), Lens::MICROPHONE];
        world.publish(client, if bundle == Bundle::One { &lenses[..1] } else { &lenses }, weather.into());
        viewers.push(client);
    }
    viewers
}

/// A publisher begins anew, with all that it showed or with less of it.
fn publish_again(world: &mut World) {
    let publishers: Vec<usize> =
        (0..world.clients.len()).filter(|client| world.clients[*client].publishing.is_some()).collect();
    let publisher = *world.chance.pick(&publishers);
    let at = world.clients[publisher].publishing.expect("it publishes");
    let mut lenses: Vec<Lens> = world.peers[&at].cameras.iter().map(|camera| camera.lens).collect();
    lenses.truncate(1 + world.chance.below(lenses.len() as u64) as usize);
    let weather = weather(world);
    world.publish(publisher, &lenses, weather.into());
    // Until then an annex may not know.
    world.run_ms(100);
}

/// An annex fails, and who was in it comes again, in another.
fn fall_and_rise(world: &mut World, viewers: &mut Vec<usize>, bundle: Bundle) {
    let annexes: Vec<usize> = world.workers.keys().copied().filter(|at| *at != HOME).collect();
    let failed = *world.chance.pick(&annexes);
    let lost: Vec<usize> = viewers.extract_if(.., |client| world.clients[*client].worker == failed).collect();
    world.fail_annex(failed);
    let annex = world.open_annex();
    // They come before the home has said what there is.
    let back: Vec<usize> =
        lost.into_iter().map(|client| world.enter_at(annex, world.clients[client].role, None)).collect();
    world.run_ms(100);
    for client in back {
        receive(world, client, 1, bundle);
        look_elsewhere(world, client, 0);
        viewers.push(client);
    }
}

/// So many seconds of it.
fn live(world: &mut World, seconds: u64, bundle: Bundle) {
    let mut viewers = open(world, bundle);
    let panel = viewers.len();
    let has_annexes = world.workers.len() > 1;
    for _ in 0..seconds * 2 {
        let pause = world.chance.span(Duration::from_millis(900));
        world.run(pause);
        let place = world.chance.below(viewers.len() as u64) as usize;
        let client = viewers[place];
        match world.chance.below(if has_annexes { 17 } else { 12 }) {
            0..2 if viewers.len() < 14 => {
                let role = *world.chance.pick(&[Role::Trainee, Role::Expert, Role::Service]);
                viewers.push(viewer(world, role, None, bundle));
            }
            2 if viewers.len() < 14 => {
                let site = *world.chance.pick(&SITES);
                viewers.push(viewer(world, Role::Display, Some(site), bundle));
            }
            3 if place >= panel => world.leave(viewers.remove(place)),
            4 if place >= panel => world.vanish(viewers.remove(place)),
            5 => {
                // Another network: a connection anew, with as many slots.
                let at = world.clients[client].receiving.expect("a viewer");
                let slots = world.peers[&at].screens.iter().filter(|screen| screen.slot.is_some()).count();
                receive(world, client, slots, bundle);
            }
            6 => {
                let feeds = world.feeds();
                let (publisher, feed) = *world.chance.pick(&feeds);
                let is_muted = world.sources.iter().any(|source| source.feed == Some(feed) && source.is_muted());
                world.mute(publisher, feed, !is_muted);
            }
            12 => publish_again(world),
            13 => fall_and_rise(world, &mut viewers, bundle),
            14 => {
                let workers: Vec<usize> = world.workers.keys().copied().collect();
                let (at, span) = (*world.chance.pick(&workers), world.chance.span(Duration::from_millis(400)));
                world.stall(at, span);
            }
            15..17 if viewers.len() < 20 => viewers.push(viewer(world, Role::Trainee, None, bundle)),
            _ => {
                let at = world.clients[client].receiving.expect("a viewer");
                let slots = world.peers[&at].screens.iter().filter(|screen| screen.slot.is_some()).count();
                let slot = world.chance.below(slots as u64) as u32;
                look_elsewhere(world, client, slot);
            }
        }
    }
    world.settle();
    assert!(world.clients.iter().all(|client| client.disconnected == 0), "nobody loses the server");
    let seen: u64 = world.screens().map(|screen| screen.sight.decoded).sum();
    assert!(seen > 300, "hardly anybody saw anything: {seen} frames");
}

/// Where nothing is lost, nothing is ever missing, however it comes: no hole, no request, no dark moment.
#[test]
fn rough_lines_that_lose_nothing() {
    each_seed("rough_lines_that_lose_nothing", 3, |seed| {
        let mut world = World::new(seed);
        let surgeon = world.enter(Role::Surgeon, Some(SITES[0]));
        world.publish(surgeon, &LENSES, Weather::rough(10, 12).into());
        for role in [Role::Expert, Role::Trainee, Role::Trainee] {
            let pause = world.chance.span(Duration::from_secs(3));
            world.run(pause);
            let client = world.enter(role, None);
            let weather = Weather::rough(1 + world.chance.below(80), world.chance.below(30));
            // The engine as a viewer throws away what comes before the first packet that it got.
            let at = world.receive(client, 2, 1, Weather::clear(10).into());
            for (slot, (_, feed)) in world.feeds().into_iter().enumerate() {
                world.watch(client, slot as u32, Some(feed));
            }
            world.run_ms(1000);
            world.peers.get_mut(&at).expect("it has just come").down.weather = weather;
        }
        world.run_ms(8000);
        world.settle();
        for screen in world.screens() {
            let seen = (screen.sight.overcome, screen.requests);
            assert_eq!(seen, (0, 0), "{}: holes that stayed, keyframes asked for", screen.sight.name);
        }
    });
}

/// A room with so many annexes.
fn house(seed: u64, annexes: usize) -> World {
    let mut world = World::new(seed);
    for _ in 0..annexes {
        world.open_annex();
    }
    world
}

fn mixed(seed: u64, annexes: usize) {
    let mut world = house(seed, annexes);
    live(&mut world, 20, Bundle::Many);
    let sum = |of: fn(&crate::sight::Sight) -> u64| world.screens().map(|screen| of(&screen.sight)).sum::<u64>();
    println!(
        "seed {seed}: {} packets, {} frames seen, {} holes filled, {} overcome, dark for {:?} at most",
        world.wire.packets,
        sum(|sight| sight.decoded),
        sum(|sight| sight.filled),
        sum(|sight| sight.overcome),
        world.worst_dark
    );
    if annexes > 0 {
        println!("    {} annexes, {} excerpts refused", world.last_worker, world.excerpts_refused());
    }
}

#[test]
fn mixed_life() {
    each_seed("mixed_life", 8, |seed| mixed(seed, 0));
}

#[test]
fn mixed_life_with_annexes() {
    each_seed("mixed_life_with_annexes", 8, |seed| mixed(seed, 2));
}

fn decides_the_same(seed: u64, annexes: usize) {
    let run = || {
        let mut world = house(seed, annexes);
        world.trace = Some(Trace::default());
        live(&mut world, 12, Bundle::One);
        world.trace.expect("it was kept")
    };
    let (once, again) = (run(), run());
    assert!(once.lines() > 2_000, "{} decisions", once.lines());
    once.assert_same(&again);
}

#[test]
fn the_same_seed_makes_the_same_decisions() {
    each_seed("the_same_seed_makes_the_same_decisions", 5, |seed| decides_the_same(seed, 0));
}

#[test]
fn the_same_seed_makes_the_same_decisions_in_annexes() {
    each_seed("the_same_seed_makes_the_same_decisions_in_annexes", 5, |seed| decides_the_same(seed, 2));
}
