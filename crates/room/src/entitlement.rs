//! Who may see, hear and know what: the one place where it is decided. What may be done stands in [`crate::permission`].
//!
//! The panel sees and hears every site. A site sees the panel and itself, and hears those of the panel whose voice is for
//! it; never another site (hazard H8), unless a lead has joined the sites.
//! The audience sees and hears what the programme shows, and is neither seen nor heard (hazard H5): but by those where a lead
//! has given it the floor.

use media::Rank;
use signaling::policy::Shown;
use signaling::{Direction, Feed, FeedChoice, FeedKind, Member, Programme, Role, SiteId};

use crate::input::{Grants, Identity};
use crate::permission::Act;

/// What a member is, as far as entitlement goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its role.
    pub role: Role,
    /// Its site; none for the panel and the audience.
    pub site: Option<SiteId>,
    /// What its token leaves of the role.
    pub grants: Grants,
}

/// What leads have decided that entitlement depends on.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// What the audience is shown.
    pub programme: &'a Programme,
    /// The site of the feed that it shows, if it has one.
    pub programme_site: Option<&'a SiteId>,
    /// The sites see, hear and know each other.
    pub are_sites_joined: bool,
}

impl Standing {
    /// The standing of an identity. A site named for a role that belongs to none is not taken.
    pub fn of(identity: &Identity) -> Self {
        let site = identity.site.clone().filter(|_| belongs_to_site(identity.role));
        Self { role: identity.role, site, grants: identity.grants }
    }

    /// How everybody of the audience stands.
    pub fn audience() -> Self {
        Self { role: Role::Trainee, site: None, grants: Grants::default() }
    }

    /// True for the panel.
    pub fn is_panel(&self) -> bool {
        matches!(self.role, Role::Lead | Role::Expert)
    }

    /// May publish a feed of this kind. Whoever belongs to no site shows a face or a screen: a picture of an operating
    /// room has a site (hazard H2).
    pub fn may_show(&self, kind: FeedKind) -> bool {
        self.may(Act::Show) && (self.site.is_some() || matches!(kind, FeedKind::Face | FeedKind::Screen))
    }

    /// Who is served first where not all can be at once: who operates and who guides; then what stands in the operating
    /// room, for a wall of monitors that is turned on must not keep an expert waiting, nor a lecture hall a capture box that
    /// comes back.
    pub fn rank(&self) -> Rank {
        match self.role {
            Role::Lead | Role::Expert | Role::Surgeon => Rank::Panel,
            Role::Display | Role::Device | Role::Service => Rank::Machine,
            Role::Trainee => Rank::Audience,
        }
    }

    /// May see a feed.
    pub fn may_see(&self, feed: &Feed, scene: Scene<'_>) -> bool {
        match self.role {
            Role::Lead | Role::Expert | Role::Service => true,
            Role::Surgeon | Role::Display | Role::Device => self.may_perceive_site(feed.site.as_ref(), scene),
            Role::Trainee => match scene.programme {
                Programme::Open => true,
                Programme::Dark => false,
                Programme::Shown(Shown { feed: choice, with_speaker }) => {
                    is_meant(choice, feed) || *with_speaker && feed.kind == FeedKind::Face && feed.site.is_none()
                }
            },
        }
    }

    /// May hear a member. Nobody in an operating room hears that room from a loudspeaker: it would howl.
    pub fn may_hear(&self, speaker: &Member, scene: Scene<'_>) -> bool {
        if self.role == Role::Trainee && *scene.programme == Programme::Dark {
            return false;
        }
        if let Some(sites) = speaker.floor.as_ref().filter(|_| speaker.role == Role::Trainee) {
            return self.site.as_ref().is_none_or(|site| sites.contains(site));
        }
        let is_for = |site: &SiteId| match speaker.speaks_to {
            Direction::Attended => speaker.attends.contains(site),
            Direction::All => true,
            Direction::Panel => false,
        };
        match (self.role, &speaker.site) {
            (Role::Lead | Role::Expert, _) | (Role::Service, Some(_)) => true,
            (Role::Service, None) => speaker.speaks_to != Direction::Panel,
            (Role::Surgeon | Role::Display | Role::Device, Some(site)) => {
                scene.are_sites_joined && self.site.as_ref() != Some(site)
            }
            // Whoever may speak without the floor and belongs nowhere, as in a meeting, is heard where everybody hears everybody.
            (Role::Surgeon | Role::Display | Role::Device, None) if !is_panel(speaker.role) => scene.are_sites_joined,
            (Role::Surgeon | Role::Display | Role::Device, None) => self.site.as_ref().is_some_and(is_for),
            (Role::Trainee, site) => match (scene.programme, site) {
                (Programme::Open | Programme::Dark, _) => speaker.speaks_to != Direction::Panel,
                (Programme::Shown(_), Some(site)) => scene.programme_site == Some(site),
                (Programme::Shown(_), None) => {
                    speaker.speaks_to != Direction::Panel && scene.programme_site.is_none_or(is_for)
                }
            },
        }
    }

    /// May know that a member has a voice, and whether it speaks: who may hear it, and whoever stands beside it.
    pub fn may_know_voice(&self, speaker: &Member, scene: Scene<'_>) -> bool {
        self.may_hear(speaker, scene) || self.site.is_some() && self.site == speaker.site
    }

    /// May know that a member is there, and its name.
    pub fn may_know(&self, other: &Member, scene: Scene<'_>) -> bool {
        if self.is_panel() || is_panel(other.role) {
            return true;
        }
        match (self.role, other.role) {
            (Role::Service, Role::Surgeon) => true,
            (Role::Trainee, Role::Surgeon) => match scene.programme {
                Programme::Open => true,
                Programme::Dark => false,
                Programme::Shown(_) => scene.programme_site == other.site.as_ref(),
            },
            (_, Role::Trainee) => other.floor.is_some() && self.may_hear(other, scene),
            (_, Role::Service) | (Role::Trainee | Role::Service, _) => false,
            _ => self.may_perceive_site(other.site.as_ref(), scene),
        }
    }

    /// What one who stands so may know of a member that it may know.
    pub fn known(&self, member: &Member) -> Member {
        if self.is_panel() {
            return member.clone();
        }
        let own = |sites: &[SiteId]| sites.iter().filter(|site| self.site.as_ref() == Some(site)).cloned().collect();
        Member {
            attends: own(&member.attends),
            speaks_to: Direction::default(),
            hand: false,
            floor: member.floor.as_deref().map(own),
            ..member.clone()
        }
    }

    fn may_perceive_site(&self, site: Option<&SiteId>, scene: Scene<'_>) -> bool {
        scene.are_sites_joined || site.is_none_or(|site| self.site.as_ref() == Some(site))
    }
}

/// True if a choice means this feed: it itself, or any of the site and kind.
pub(crate) fn is_meant(choice: &FeedChoice, feed: &Feed) -> bool {
    match choice {
        FeedChoice::Feed(id) => feed.id == *id,
        FeedChoice::OfSite(of) => feed.site.as_ref() == Some(&of.site) && feed.kind == of.kind,
        FeedChoice::OfProgramme(_) => false,
    }
}

/// True for the roles of the panel.
pub(crate) fn is_panel(role: Role) -> bool {
    matches!(role, Role::Lead | Role::Expert)
}

/// True if the role is one of an operating room and needs a site.
pub fn belongs_to_site(role: Role) -> bool {
    matches!(role, Role::Surgeon | Role::Display | Role::Device)
}

#[cfg(test)]
#[path = "entitlement_tests.rs"]
mod tests;
