//! What goes towards the operating room: whatever the members of an annex lose, miss and look at, their annex asks its
//! home once for all of them, and the home the publisher once for everybody.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use media::{Excerpt, TrackId};
use room::Petition;
use signaling::{FeedKind, Role};

use crate::camera::{Camera, Lens};
use crate::link::Weather;
use crate::seed::each_seed;
use crate::worker::HOME;
use crate::world::World;

/// A keyframe that does not come is asked for again after so long at the soonest.
const ASKS_AGAIN: Duration = Duration::from_millis(500);
/// A keyframe that answers a request was filmed so long before it at most: what is sent again comes late.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);

/// What an annex is told: the annex, and a layer by its track and SSRC.
type Told = (usize, TrackId, u32);

/// What annexes have said to their home, and have been told.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    wanted: HashSet<(usize, TrackId)>,
    /// The packets that crossed.
    told: HashMap<Told, HashSet<u64>>,
    /// When a keyframe was asked for that has not come since.
    asked_at: HashMap<Told, Instant>,
    keyframes_wanted: u64,
}

impl Upstream {
    /// An annex says something to its home.
    pub(crate) fn hear(&mut self, now: Instant, annex: usize, petition: &Petition) {
        match petition {
            Petition::Wanted(track, true) => {
                assert!(self.wanted.insert((annex, *track)), "annex {annex} wants {track:?} once more");
            }
            Petition::Wanted(track, false) => {
                self.wanted.remove(&(annex, *track));
            }
            Petition::KeyframeWanted(track, ssrc, _) => {
                self.keyframes_wanted += 1;
                let age = self.asked_at.insert((annex, *track, *ssrc), now).map(|at| now.duration_since(at));
                let is_soon = age.is_some_and(|age| age < ASKS_AGAIN);
                assert!(!is_soon, "annex {annex} asks for a keyframe of {track:?} again after {age:?}");
            }
            _ => {}
        }
    }

    /// The home takes note that an annex wants a track: it is told it from the last keyframe on.
    pub(crate) fn begin(&mut self, annex: usize, track: TrackId) {
        self.told.retain(|(to, of, _), _| (*to, *of) != (annex, track));
    }

    /// Media cross to an annex: each packet once.
    pub(crate) fn tell(&mut self, annex: usize, excerpt: &Excerpt) {
        let key = (annex, excerpt.track(), excerpt.ssrc());
        let told = self.told.entry(key).or_default();
        for packet in excerpt.packets() {
            assert!(told.insert(packet.sequence), "{key:?} is told packet {} twice", packet.sequence);
        }
    }

    /// An annex takes what it was told.
    pub(crate) fn take(&mut self, annex: usize, excerpt: &Excerpt) {
        if excerpt.packets().iter().any(|packet| packet.begins_keyframe) {
            self.asked_at.remove(&(annex, excerpt.track(), excerpt.ssrc()));
        }
    }

    /// They found no place: they are told again, with what comes after them.
    pub(crate) fn refuse(&mut self, annex: usize, excerpt: &Excerpt) {
        let first = excerpt.packets().iter().map(|packet| packet.sequence).min();
        if let (Some(told), Some(first)) = (self.told.get_mut(&(annex, excerpt.track(), excerpt.ssrc())), first) {
            told.retain(|sequence| *sequence < first);
        }
    }
}

impl World {
    /// A publisher has just been asked for a keyframe: it is not asked twice for one.
    pub(crate) fn check_asked(&self, way: Duration, camera: &Camera) {
        let [.., before, now] = camera.asked_at[..] else { return };
        let age = now.duration_since(before);
        // What came meanwhile must have been there when the request left.
        let could_answer = before.checked_sub(ANSWERS_WITHIN).unwrap_or(self.began)..=now - way;
        let is_answered = camera.keyframes_at.iter().any(|at| could_answer.contains(&(self.began + *at)));
        assert!(
            age >= ASKS_AGAIN || is_answered,
            "seed {}: source {} is asked for a keyframe again after {age:?}, at {:?}; it sent some at {:?}",
            self.seed,
            camera.source,
            now.duration_since(self.began),
            camera.keyframes_at
        );
    }
}

/// Two frames in a fifth of a second, a keyframe every minute: but for requests there is only the first.
const LENS: Lens = Lens { every: Duration::from_millis(100), group: 600, parts: 2, ..Lens::of(FeedKind::Endoscope) };
const MEMBERS: usize = 50;

/// All of them do something, at one moment.
fn all(world: &mut World, members: &[usize], mut act: impl FnMut(&mut World, usize)) {
    members.iter().for_each(|member| act(world, *member));
    world.run_ms(2500);
}

/// One comes, or comes again, and looks at one of the feeds.
fn join(world: &mut World, member: usize) {
    let delay_ms = 5 + world.chance.below(40);
    world.receive(member, 1, 0, Weather::clear(delay_ms).into());
    switch(world, member);
}

fn switch(world: &mut World, member: usize) {
    let feeds = world.feeds();
    let (_, feed) = *world.chance.pick(&feeds);
    world.watch(member, 0, Some(feed));
}

/// One whose decoder is stuck asks for a keyframe.
fn want_keyframe(world: &mut World, member: usize) {
    let at = world.clients[member].receiving.expect("a viewer");
    let ssrc = world.peers[&at].screens[0].ssrc;
    world.want_keyframe(at, ssrc);
}

/// So many of a thousand packets to each of them are lost.
fn lose(world: &mut World, members: &[usize], permille: u32) {
    for member in members {
        let at = world.clients[*member].receiving.expect("a viewer");
        world.peers.get_mut(&at).expect("it is there").down.weather.lost_permille = permille;
    }
}

/// All feeds are held back and let through again: nobody has a keyframe, neither the annex nor its home.
fn interrupt(world: &mut World, surgeon: usize) {
    for muted in [true, false] {
        for (_, feed) in world.feeds() {
            world.mute(surgeon, feed, muted);
        }
        world.run_ms(300);
    }
}

#[test]
fn fifty_members_of_an_annex_in_one_moment() {
    each_seed("fifty_members_of_an_annex_in_one_moment", 2, |seed| {
        let mut world = World::new(seed);
        world.patience = Duration::from_secs(4);
        let surgeon = world.enter(Role::Surgeon, Some("site-a"));
        let lenses = [LENS, Lens { kind: Some(FeedKind::Room), ..LENS }];
        // An answer takes longer than the server takes to look again.
        let publishing = world.publish(surgeon, &lenses, Weather::clear(80).into());
        let annex = world.open_annex();
        world.run_ms(1000);
        let members: Vec<usize> = (0..MEMBERS).map(|_| world.enter_at(annex, Role::Trainee, None)).collect();
        all(&mut world, &members, join);
        let resent = |world: &World, worker| world.workers[&worker].room.report().counters.packets_resent;
        for _ in 0..2 {
            lose(&mut world, &members, 1000);
            world.run_ms(150 + seed % 100);
            lose(&mut world, &members, 0);
            world.run_ms(2000);
            all(&mut world, &members, switch);
        }
        all(&mut world, &members, join);
        // What the cache holds helps none of them, so that in the end the publisher is asked.
        for _ in 0..4 {
            all(&mut world, &members, want_keyframe);
        }
        assert!(resent(&world, annex) > 2 * MEMBERS as u64, "each has lost something: {}", resent(&world, annex));
        let asked = |world: &World| -> Vec<usize> {
            world.peers[&publishing].cameras.iter().map(|camera| camera.asked_at.len()).collect()
        };
        let before = (asked(&world), world.upstream.keyframes_wanted);
        interrupt(&mut world, surgeon);
        all(&mut world, &members, switch);
        let after = (asked(&world), world.upstream.keyframes_wanted);
        println!(
            "seed {seed}: keyframes asked for by the home and by the annex {before:?}, and for an interruption {after:?}"
        );
        // An encoder that does not answer: all ask for a keyframe, and again, and the publisher more and more rarely.
        let cameras = |world: &mut World, is_willing| {
            let peer = world.peers.get_mut(&publishing).expect("it is there");
            peer.cameras.iter_mut().for_each(|camera| camera.lens.is_willing = is_willing);
        };
        members.iter().for_each(|member| world.clients[*member].is_excused = true);
        cameras(&mut world, false);
        interrupt(&mut world, surgeon);
        all(&mut world, &members, switch);
        println!(
            "seed {seed}: {:?}, {} of an encoder that does not answer",
            asked(&world),
            world.upstream.keyframes_wanted
        );
        cameras(&mut world, true);
        world.run_ms(5000);
        members.iter().for_each(|member| world.clients[*member].is_excused = false);
        world.settle();
        assert_eq!(resent(&world, HOME), 0, "the home sends nobody anything again");
        assert_eq!(world.peers[&publishing].up.resent, 0, "and asks for nothing again");
    });
}
