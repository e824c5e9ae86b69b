//! One panel, three sites, an audience, and everything that they may decide, by chance: nothing and nobody's name reaches
//! whom it is not for, and what is for somebody does. `truth` knows who may get what, `look` judges every packet and message.

use std::collections::BTreeSet;
use std::time::Duration;

use room::{Outbox, Room};
use signaling::client::{OfProgramme, OfSite, ProgrammePart};
use signaling::policy::Shown;
use signaling::{ClientMessage, Direction, FeedChoice, FeedKind, MemberId, Policy, Programme, Role, SayTo, SiteId};

use crate::camera::Lens;
use crate::life::SITES;
use crate::link::Weather;
use crate::seed::{each_seed, number};
use crate::truth::Person;
use crate::worker::HOME;
use crate::world::World;

/// Of all runs together; more with `LEAK_STEPS`.
const STEPS: u64 = 100_000;
const RUNS: u64 = 4;
/// After so many steps it is looked who gets what.
const LOOK_AFTER: u64 = 500;
/// Nobody more comes in.
const MOST: usize = 24;

fn slow(kind: FeedKind) -> Lens {
    Lens { every: Duration::from_millis(200), ..Lens::of(kind) }
}

fn voice() -> Lens {
    Lens { every: Duration::from_millis(60), ..Lens::MICROPHONE }
}

fn sites(world: &mut World) -> BTreeSet<SiteId> {
    let all = SITES.iter().map(|site| site.parse().expect("a site id"));
    all.filter(|_| world.chance.is(500)).collect()
}

/// Those that are there and of one of these roles.
fn those(world: &World, roles: &[Role]) -> Vec<usize> {
    world.truth.now.people.iter().filter(|(_, person)| roles.contains(&person.role)).map(|(at, _)| *at).collect()
}

fn any(world: &mut World, roles: &[Role]) -> Option<usize> {
    let those = those(world, roles);
    (!those.is_empty()).then(|| *world.chance.pick(&those))
}

fn id_of(world: &World, client: usize) -> MemberId {
    world.clients[client].roster.me.expect("it has joined")
}

/// Somebody comes, with all that its role has; the audience wherever there is an annex.
fn come(world: &mut World, role: Role, site: Option<&str>) {
    let workers: Vec<usize> = world.workers.keys().copied().collect();
    let worker = if role == Role::Trainee { *world.chance.pick(&workers) } else { HOME };
    let client = world.enter_at(worker, role, site);
    // An annex hears what there is.
    world.run_ms(if worker == HOME { 0 } else { 50 });
    let shows: &[Lens] = match role {
        Role::Lead | Role::Expert => &[slow(FeedKind::Face), voice()],
        Role::Surgeon => &[slow(FeedKind::Endoscope), voice()],
        Role::Device => &[slow(FeedKind::Room)],
        Role::Trainee | Role::Display | Role::Service => &[],
    };
    if !shows.is_empty() {
        world.publish(client, shows, Weather::clear(2).into());
    }
    if role != Role::Device {
        world.receive(client, 3, 8, Weather::clear(2).into());
    }
}

/// A person is otherwise from now on, and says so.
fn change(world: &mut World, client: usize, how: impl FnOnce(&mut Person), by: usize, message: ClientMessage) {
    world.truth.change(world.now, |scene| how(scene.people.get_mut(&client).expect("it is there")));
    obey(world, by, message);
}

/// Somebody says something that it may.
fn obey(world: &mut World, by: usize, message: ClientMessage) {
    let before = world.clients[by].refused.len();
    world.say(by, message.clone());
    assert_eq!(world.clients[by].refused[before..], [], "client {by} may {message:?}");
}

fn look_at_something(world: &mut World) {
    let those = [Role::Lead, Role::Expert, Role::Surgeon, Role::Trainee, Role::Display, Role::Service];
    let Some(client) = any(world, &those) else { return };
    let slot = world.chance.below(3) as u32;
    let feeds = world.feeds();
    match world.chance.below(3) {
        0 if !feeds.is_empty() => {
            let (_, feed) = *world.chance.pick(&feeds);
            world.watch(client, slot, Some(feed));
        }
        1 => {
            let (site, kind) = (*world.chance.pick(&SITES), *world.chance.pick(&[FeedKind::Endoscope, FeedKind::Room]));
            world.watch_site(client, slot, site, kind);
        }
        _ => {
            let part = *world.chance.pick(&[ProgrammePart::Feed, ProgrammePart::Speaker]);
            let choice = FeedChoice::OfProgramme(OfProgramme { programme: part });
            world.say(client, ClientMessage::Watch { slot: signaling::Slot(slot), choice: Some(choice) });
        }
    }
}

fn programme(world: &mut World) -> Programme {
    let with_speaker = world.chance.is(500);
    match world.chance.below(4) {
        0 => Programme::Open,
        1 => Programme::Dark,
        _ => {
            let site = world.chance.pick(&SITES).parse().expect("a site id");
            let kind = *world.chance.pick(&[FeedKind::Endoscope, FeedKind::Room]);
            Programme::Shown(Shown { feed: FeedChoice::OfSite(OfSite { site, kind }), with_speaker })
        }
    }
}

/// One of the audience has the floor, and speaks. Who is in an annex cannot have it.
fn give_floor(world: &mut World, lead: usize) {
    let Some(client) = any(world, &[Role::Trainee]) else { return };
    if world.clients[client].worker != HOME {
        return;
    }
    let there: BTreeSet<SiteId> = world.truth.now.people.values().filter_map(|person| person.site.clone()).collect();
    let sites: BTreeSet<SiteId> = sites(world).intersection(&there).cloned().collect();
    let message = ClientMessage::GiveFloor { member: id_of(world, client), sites: sites.iter().cloned().collect() };
    change(world, client, |person| person.floor = Some(sites), lead, message);
    if world.clients[client].publishing.is_none() {
        world.publish(client, &[voice()], Weather::clear(2).into());
    }
}

fn take_floor(world: &mut World, lead: usize) {
    let has_floor = |client: &usize| world.truth.now.people[client].floor.is_some();
    let those: Vec<usize> = those(world, &[Role::Trainee]).into_iter().filter(has_floor).collect();
    let Some(client) = (!those.is_empty()).then(|| *world.chance.pick(&those)) else { return };
    let message = ClientMessage::TakeFloor { member: id_of(world, client) };
    change(world, client, |person| person.floor = None, lead, message);
    let publishing = world.clients[client].publishing.take();
    publishing.into_iter().for_each(|peer| world.drop_peer(peer));
}

fn attend(world: &mut World, client: usize) {
    let there: BTreeSet<SiteId> = world.truth.now.people.values().filter_map(|person| person.site.clone()).collect();
    let sites: BTreeSet<SiteId> = sites(world).intersection(&there).cloned().collect();
    let message = ClientMessage::Attend { sites: sites.iter().cloned().collect() };
    change(world, client, |person| person.attends = sites, client, message);
}

/// Somebody gets another role or site, and what it published is over.
fn reassign(world: &mut World, lead: usize) {
    let those = [Role::Expert, Role::Surgeon, Role::Trainee, Role::Display];
    let Some(client) = any(world, &those) else { return };
    if world.clients[client].worker != HOME {
        return;
    }
    let role = *world.chance.pick(&[Role::Expert, Role::Surgeon, Role::Trainee, Role::Display]);
    let site = *world.chance.pick(&SITES);
    let site: Option<SiteId> = matches!(role, Role::Surgeon | Role::Display).then(|| site.parse().expect("a site id"));
    let person = Person::new(role, site.clone());
    let before = &world.truth.now.people[&client];
    if (before.role, &before.site) == (person.role, &person.site) {
        return;
    }
    let publishing = world.clients[client].publishing.take();
    publishing.into_iter().for_each(|peer| world.drop_peer(peer));
    (world.clients[client].role, world.clients[client].site) = (role, site.clone());
    let message = ClientMessage::MoveMember { member: id_of(world, client), role, site };
    change(world, client, |known| *known = person, lead, message);
}

fn talk(world: &mut World) {
    let Some(client) = any(world, &[Role::Lead, Role::Expert, Role::Surgeon]) else { return };
    let own = world.truth.now.people[&client].site.clone();
    let there: Vec<SiteId> = world.truth.now.people.values().filter_map(|person| person.site.clone()).collect();
    let to = match own {
        Some(own) => SayTo::Site(own),
        None if !there.is_empty() && world.chance.is(500) => SayTo::Site(world.chance.pick(&there).clone()),
        None => SayTo::Panel,
    };
    obey(world, client, ClientMessage::Say { to, text: "Example.".to_owned() });
}

fn step(world: &mut World, lead: usize) {
    match world.chance.below(40) {
        0..6 => {
            if let Some(client) = any(world, &[Role::Lead, Role::Expert]) {
                attend(world, client);
            }
        }
        6..10 => {
            if let Some(client) = any(world, &[Role::Lead, Role::Expert]) {
                let to = *world.chance.pick(&[Direction::Attended, Direction::All, Direction::Panel]);
                change(world, client, |person| person.speaks_to = to, client, ClientMessage::DirectVoice { to });
            }
        }
        10..12 => give_floor(world, lead),
        12..14 => take_floor(world, lead),
        14..18 => {
            let programme = programme(world);
            let message = ClientMessage::ShowProgramme { programme: programme.clone() };
            world.truth.change(world.now, |scene| scene.programme = programme);
            obey(world, lead, message);
        }
        18 => {
            let joined = world.chance.is(300);
            let policy = Policy { sites_joined: joined, ..policy() };
            world.truth.change(world.now, |scene| scene.are_sites_joined = joined);
            obey(world, lead, ClientMessage::SetPolicy { policy });
        }
        19 => {
            if let Some(client) = any(world, &[Role::Expert, Role::Surgeon, Role::Trainee]) {
                let silenced = world.chance.is(400);
                let message = ClientMessage::SilenceMember { member: id_of(world, client), silenced };
                change(world, client, |person| person.is_silenced = silenced, lead, message);
            }
        }
        20 => reassign(world, lead),
        21..23 => talk(world),
        23 => {
            if let Some(client) = any(world, &[Role::Trainee]) {
                let raised = world.chance.is(500);
                obey(world, client, ClientMessage::RaiseHand { raised });
            }
        }
        24 => {
            let leaver = any(world, &[Role::Expert, Role::Surgeon, Role::Trainee, Role::Display, Role::Device]);
            if let Some(client) = leaver {
                world.leave(client);
            }
        }
        25 => {
            let role = *world.chance.pick(&[Role::Expert, Role::Surgeon, Role::Trainee, Role::Display, Role::Device]);
            let is_of_site = !matches!(role, Role::Expert | Role::Trainee);
            let site = is_of_site.then(|| *world.chance.pick(&SITES));
            let people = || world.truth.now.people.values();
            let same = people().filter(|person| person.role == role).count();
            // A site has a place for four feeds.
            let publishes = |person: &&Person| matches!(person.role, Role::Surgeon | Role::Device);
            let beside = people().filter(publishes).filter(|person| person.site.as_ref().map(SiteId::as_str) == site);
            if world.truth.now.people.len() < MOST && same < 3 && (site.is_none() || beside.count() < 2) {
                come(world, role, site);
            }
        }
        _ => look_at_something(world),
    }
    let pause = world.chance.span(Duration::from_millis(8));
    world.run(pause);
}

fn policy() -> Policy {
    use Role::{Device, Display, Expert, Lead, Service, Surgeon};
    Policy {
        speak: vec![Lead, Expert, Surgeon, Device],
        wait: Vec::new(),
        history: vec![Lead, Expert, Surgeon, Display, Device, Service],
        locked: false,
        sites_joined: false,
    }
}

/// What the journal makes of the room so far is what the room is.
fn check_journal(world: &World) {
    let home = &world.workers[&HOME];
    let restored = Room::restored(world.now, home.config.clone(), world.kept.clone(), &mut Outbox::default());
    let restored = restored.expect("it goes on").memory();
    assert_eq!(restored, home.room.memory(), "seed {}: after {} entries", world.seed, world.kept.len());
}

/// Everybody hears exactly whom it should, when it has been so for a moment.
fn check_heard(world: &mut World) {
    world.run_ms(600);
    let from = world.now;
    world.run_ms(400);
    let scene = &world.truth.now;
    for (listener, person) in &scene.people {
        let Some(peer) = world.clients[*listener].receiving.and_then(|peer| world.peers.get(&peer)) else { continue };
        if !matches!(person.role, Role::Device) && peer.is_connected {
            let voices =
                world.sources.iter().enumerate().filter(|(_, source)| source.is_voice && world.is_there(source));
            let voices = voices.filter(|(_, source)| source.client != *listener);
            let speaks = |source: &crate::source::Source| world.peers[&source.peer].is_connected;
            let meant: BTreeSet<usize> = voices
                .filter(|(_, source)| speaks(source) && scene.may_get(*listener, source))
                .map(|(place, _)| place)
                .collect();
            let is_new = |place: &usize| world.got.get(&(*listener, *place)).is_some_and(|at| *at > from);
            let heard: BTreeSet<usize> =
                (0..world.sources.len()).filter(|place| world.sources[*place].is_voice).filter(is_new).collect();
            assert_eq!(heard, meant, "seed {}: {person:?} hears others than it should in {scene:?}", world.seed);
        }
    }
    world.check_rosters();
    check_journal(world);
}

fn play(seed: u64, annexes: usize) {
    let mut world = World::new(seed);
    for _ in 0..annexes {
        world.open_annex();
    }
    // Who is shown nothing for a while by what was decided need not see.
    world.patience = Duration::from_secs(3600);
    come(&mut world, Role::Lead, None);
    for site in SITES {
        come(&mut world, Role::Surgeon, Some(site));
        come(&mut world, Role::Display, Some(site));
    }
    for role in [Role::Expert, Role::Expert, Role::Trainee, Role::Trainee, Role::Service] {
        come(&mut world, role, None);
    }
    world.run_ms(1000);
    let steps = number("LEAK_STEPS").unwrap_or(STEPS) / RUNS;
    let mut looked = 0;
    for at in 1..=steps {
        step(&mut world, 0);
        if at % LOOK_AFTER == 0 {
            check_heard(&mut world);
            looked += 1;
        }
    }
    let packets: u64 = world.screens().map(|screen| screen.packets).sum();
    println!("seed {seed}, {annexes} annexes: {steps} steps, {packets} packets of pictures, looked at {looked} times");
    assert!(packets > steps / 10 && looked == steps / LOOK_AFTER);
}

#[test]
fn nothing_reaches_whom_it_is_not_for() {
    each_seed("nothing_reaches_whom_it_is_not_for", RUNS / 2, |seed| play(seed, 0));
}

#[test]
fn nothing_reaches_whom_it_is_not_for_in_annexes() {
    each_seed("nothing_reaches_whom_it_is_not_for_in_annexes", RUNS / 2, |seed| play(seed, 2));
}
