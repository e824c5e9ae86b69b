//! Who may do, see, hear and know what: the one place where it is decided.
//!
//! The panel sees and hears every site. A site hears the panel, and sees the panel and itself, never another site
//! (hazard H8).
//! The audience sees and hears, and is never seen or heard (hazard H5): it publishes nothing.

use media::Rank;
use signaling::{FeedKind, Role, SiteId};

use crate::input::{Grants, Identity};

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

impl Standing {
    /// The standing of an identity. A site named for a role that belongs to none is not taken.
    pub fn of(identity: &Identity) -> Self {
        let site = identity.site.clone().filter(|_| belongs_to_site(identity.role));
        Self { role: identity.role, site, grants: identity.grants }
    }

    /// May publish feeds and a voice.
    pub fn may_publish(&self) -> bool {
        self.grants.publish && matches!(self.role, Role::Lead | Role::Expert | Role::Surgeon | Role::Device)
    }

    /// May publish a feed of this kind. Whoever belongs to no site shows a face or a screen: a picture of an operating
    /// room has a site (hazard H2).
    pub fn may_show(&self, kind: FeedKind) -> bool {
        self.may_publish() && (self.site.is_some() || matches!(kind, FeedKind::Face | FeedKind::Screen))
    }

    /// May receive feeds and voices.
    pub fn may_receive(&self) -> bool {
        self.grants.receive && self.role != Role::Device
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

    /// May see or hear what was published for `site` (none: by the panel).
    pub fn may_perceive(&self, site: Option<&SiteId>) -> bool {
        match (self.role, site) {
            (Role::Lead | Role::Expert | Role::Trainee | Role::Service, _) | (_, None) => true,
            (Role::Surgeon | Role::Display | Role::Device, Some(site)) => self.site.as_ref() == Some(site),
        }
    }

    /// May hear a voice of `site` (none: of the panel). Nobody in an operating room hears that room from a
    /// loudspeaker: it would howl.
    pub fn may_hear(&self, site: Option<&SiteId>) -> bool {
        self.may_perceive(site) && (site.is_none() || self.site.as_ref() != site)
    }

    /// May know that another member is there, and its name.
    pub fn may_know(&self, other: &Self) -> bool {
        match (self.role, other.role) {
            (Role::Lead | Role::Expert, _) | (_, Role::Lead | Role::Expert) => true,
            (Role::Trainee | Role::Service, Role::Surgeon) => true,
            (_, Role::Trainee | Role::Service) | (Role::Trainee | Role::Service, _) => false,
            _ => self.site == other.site,
        }
    }
}

/// True if the role is one of an operating room and needs a site.
pub fn belongs_to_site(role: Role) -> bool {
    matches!(role, Role::Surgeon | Role::Display | Role::Device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(role: Role, site: Option<&str>) -> Standing {
        let site = site.map(|site| site.parse().expect("a site id"));
        Standing { role, site, grants: Grants::default() }
    }

    #[test]
    fn the_whole_matrix() {
        let (a, b): (SiteId, SiteId) = ("a".parse().expect("id"), "b".parse().expect("id"));
        // role, publishes, receives, perceives own site, other site, panel
        let rows = [
            (Role::Lead, true, true, true, true, true),
            (Role::Expert, true, true, true, true, true),
            (Role::Surgeon, true, true, true, false, true),
            (Role::Trainee, false, true, true, true, true),
            (Role::Display, false, true, true, false, true),
            (Role::Device, true, false, true, false, true),
            (Role::Service, false, true, true, true, true),
        ];
        assert_eq!(rows.len(), Role::ALL.len());
        for (role, publishes, receives, own, other, panel) in rows {
            let standing = standing(role, belongs_to_site(role).then_some("a"));
            assert_eq!(standing.may_publish(), publishes, "{role:?}");
            for kind in FeedKind::ALL {
                let anyones = matches!(kind, FeedKind::Face | FeedKind::Screen);
                assert_eq!(
                    standing.may_show(kind),
                    publishes && (anyones || belongs_to_site(role)),
                    "{role:?} {kind:?}"
                );
            }
            assert_eq!(standing.may_receive(), receives, "{role:?}");
            assert_eq!(standing.may_perceive(Some(&a)), own, "{role:?}");
            assert_eq!(standing.may_perceive(Some(&b)), other, "{role:?}");
            assert_eq!(standing.may_perceive(None), panel, "{role:?}");
            assert_eq!(standing.may_hear(Some(&a)), own && !belongs_to_site(role), "{role:?}");
            assert_eq!(standing.may_hear(Some(&b)), other, "{role:?}");
        }
    }

    #[test]
    fn people_come_before_machines_and_both_before_the_audience() {
        let rank = |role| standing(role, belongs_to_site(role).then_some("a")).rank();
        assert_eq!([Role::Lead, Role::Expert, Role::Surgeon].map(rank), [Rank::Panel; 3]);
        assert_eq!([Role::Display, Role::Device, Role::Service].map(rank), [Rank::Machine; 3]);
        assert_eq!(rank(Role::Trainee), Rank::Audience);
        assert!(Rank::ALL.is_sorted() && Rank::ALL[0] == Rank::Panel);
    }

    #[test]
    fn grants_only_narrow() {
        for role in Role::ALL {
            let mut narrowed = standing(role, Some("a"));
            narrowed.grants = Grants { publish: false, receive: false };
            assert!(!narrowed.may_publish() && !narrowed.may_receive(), "{role:?}");
        }
    }

    #[test]
    fn sites_do_not_know_each_other_nor_the_audience() {
        let surgeon = standing(Role::Surgeon, Some("a"));
        assert!(surgeon.may_know(&standing(Role::Display, Some("a"))));
        assert!(surgeon.may_know(&standing(Role::Expert, None)));
        assert!(!surgeon.may_know(&standing(Role::Surgeon, Some("b"))));
        assert!(!surgeon.may_know(&standing(Role::Trainee, None)));
        assert!(!standing(Role::Trainee, None).may_know(&standing(Role::Trainee, None)));
        assert!(standing(Role::Trainee, None).may_know(&standing(Role::Surgeon, Some("b"))));
    }
}
