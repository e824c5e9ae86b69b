//! Who may get what, said once more and in other words than the product's, from what members have done: the oracle of
//! everything that leaves the server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use signaling::client::OfSite;
use signaling::policy::Shown;
use signaling::{Direction, FeedChoice, FeedId, FeedKind, Programme, Role, SayTo, SiteId};

use crate::source::Source;

/// So long a change is remembered: what is on the way is judged by what held when it left.
const REMEMBERED: Duration = Duration::from_secs(30);

/// A person or a device, as far as it matters who may get what.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Person {
    pub(crate) role: Role,
    pub(crate) site: Option<SiteId>,
    pub(crate) attends: BTreeSet<SiteId>,
    pub(crate) speaks_to: Direction,
    pub(crate) floor: Option<BTreeSet<SiteId>>,
    pub(crate) is_silenced: bool,
}

/// All of it at one time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scene {
    pub(crate) people: BTreeMap<usize, Person>,
    pub(crate) programme: Programme,
    pub(crate) are_sites_joined: bool,
}

/// What holds now, and what held before and since when it does no more; the latest last.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) now: Scene,
    past: Vec<(Instant, Scene)>,
}

impl Person {
    pub(crate) fn new(role: Role, site: Option<SiteId>) -> Self {
        let (attends, speaks_to) = (BTreeSet::new(), Direction::default());
        Self { role, site, attends, speaks_to, floor: None, is_silenced: false }
    }

    fn is_panel(&self) -> bool {
        [Role::Lead, Role::Expert].contains(&self.role)
    }

    fn stands_in_theatre(&self) -> bool {
        [Role::Surgeon, Role::Display, Role::Device].contains(&self.role)
    }
}

impl Truth {
    /// Something is otherwise from now on.
    pub(crate) fn change(&mut self, at: Instant, change: impl FnOnce(&mut Scene)) {
        self.past.retain(|(until, _)| at.duration_since(*until) < REMEMBERED);
        self.past.push((at, self.now.clone()));
        change(&mut self.now);
    }

    /// True if it held at this moment, or at any in so long before it.
    pub(crate) fn held(&self, at: Instant, before: Duration, what: impl Fn(&Scene) -> bool) -> bool {
        let from = at.checked_sub(before).unwrap_or(at);
        what(&self.now) && self.past.last().is_none_or(|(until, _)| *until <= at)
            || self.past.iter().enumerate().any(|(place, (until, scene))| {
                let since = place.checked_sub(1).map(|before| self.past[before].0);
                *until >= from && since.is_none_or(|since| since <= at) && what(scene)
            })
    }
}

impl Scene {
    /// The same with somebody more.
    pub(crate) fn with(&self, at: usize, person: &Person) -> Self {
        let mut scene = self.clone();
        scene.people.insert(at, person.clone());
        scene
    }

    /// A viewer may get a packet of this source.
    pub(crate) fn may_get(&self, viewer: usize, source: &Source) -> bool {
        let (Some(viewer), Some(publisher)) = (self.people.get(&viewer), self.people.get(&source.client)) else {
            return false;
        };
        if source.is_voice { self.hears(viewer, publisher) } else { self.sees(viewer, source) }
    }

    fn sees(&self, viewer: &Person, source: &Source) -> bool {
        if viewer.role == Role::Trainee {
            return self.is_shown(source.feed, source.kind, source.site.as_ref());
        }
        let of_theatre = source.site.as_ref();
        of_theatre.is_none()
            || !viewer.stands_in_theatre()
            || of_theatre == viewer.site.as_ref()
            || self.are_sites_joined
    }

    /// The audience is shown it.
    pub(crate) fn is_shown(&self, feed: Option<FeedId>, kind: Option<FeedKind>, site: Option<&SiteId>) -> bool {
        match &self.programme {
            Programme::Open => true,
            Programme::Dark => false,
            Programme::Shown(Shown { with_speaker: true, .. }) if kind == Some(FeedKind::Face) && site.is_none() => {
                true
            }
            Programme::Shown(Shown { feed: FeedChoice::Feed(shown), .. }) => feed == Some(*shown),
            Programme::Shown(Shown { feed: FeedChoice::OfSite(OfSite { site: of, kind: shown }), .. }) => {
                site == Some(of) && kind == Some(*shown)
            }
            Programme::Shown(_) => false,
        }
    }

    /// The theatre that the audience is shown.
    fn theatre_shown(&self) -> Option<&SiteId> {
        match &self.programme {
            Programme::Shown(Shown { feed: FeedChoice::OfSite(of), .. }) => Some(&of.site),
            _ => None,
        }
    }

    fn hears(&self, listener: &Person, speaker: &Person) -> bool {
        if speaker.is_silenced {
            return false;
        }
        let is_said_to = |theatre: &SiteId| match speaker.speaks_to {
            Direction::All => true,
            Direction::Panel => false,
            Direction::Attended => speaker.attends.contains(theatre),
        };
        let is_dark = listener.role == Role::Trainee && self.programme == Programme::Dark;
        match (speaker.role, &listener.site) {
            _ if is_dark => false,
            (Role::Trainee, _) if speaker.floor.is_none() => false,
            (Role::Trainee, Some(theatre)) => speaker.floor.as_ref().is_some_and(|floor| floor.contains(theatre)),
            (Role::Trainee, None) => true,
            (Role::Lead | Role::Expert, Some(theatre)) => is_said_to(theatre),
            (Role::Lead | Role::Expert, None) if listener.is_panel() => true,
            (Role::Lead | Role::Expert, None) if speaker.speaks_to == Direction::Panel => false,
            (Role::Lead | Role::Expert, None) if listener.role == Role::Trainee => {
                self.theatre_shown().is_none_or(is_said_to)
            }
            (Role::Lead | Role::Expert, None) => true,
            (_, Some(theatre)) => self.are_sites_joined && speaker.site.as_ref() != Some(theatre),
            (_, None) if listener.role == Role::Trainee && self.programme != Programme::Open => {
                speaker.site.as_ref() == self.theatre_shown()
            }
            (_, None) => true,
        }
    }

    /// One may know of the other, and its name.
    pub(crate) fn may_know(&self, one: usize, other: usize) -> bool {
        let (Some(one), Some(other)) = (self.people.get(&one), self.people.get(&other)) else { return false };
        let is_beside = one.site == other.site || self.are_sites_joined;
        match (one.stands_in_theatre(), other.role) {
            _ if one.is_panel() || other.is_panel() => true,
            (_, Role::Trainee) => {
                other.floor.is_some() && self.hears(one, &Person { is_silenced: false, ..other.clone() })
            }
            (_, Role::Service) => false,
            (true, _) => is_beside,
            (false, Role::Surgeon) if one.role == Role::Service || self.programme == Programme::Open => true,
            (false, Role::Surgeon) => other.site.is_some() && other.site.as_ref() == self.theatre_shown(),
            (false, _) => false,
        }
    }

    /// What is said to those in text may reach this viewer.
    pub(crate) fn may_read_said(&self, viewer: usize, to: &SayTo) -> bool {
        self.people.get(&viewer).is_some_and(|viewer| match to {
            SayTo::Everybody => viewer.role != Role::Device,
            SayTo::Panel => viewer.is_panel(),
            SayTo::Site(theatre) => viewer.is_panel() || viewer.site.as_ref() == Some(theatre),
        })
    }

    /// The site's name may reach this viewer.
    pub(crate) fn may_read(&self, viewer: usize, site: &SiteId) -> bool {
        let Some(viewer) = self.people.get(&viewer) else { return false };
        match viewer.role {
            Role::Lead | Role::Expert | Role::Service => true,
            // Who has the floor knows where it is heard.
            Role::Trainee if viewer.floor.as_ref().is_some_and(|floor| floor.contains(site)) => true,
            Role::Trainee => self.programme == Programme::Open || self.theatre_shown() == Some(site),
            _ => viewer.site.as_ref() == Some(site) || self.are_sites_joined,
        }
    }
}
