//! Who may do what with the register: the one place where it is decided. What a role may in a room is decided in the
//! room (`room::entitlement`).

use signaling::{RefusalCode, Role, SiteId};

use super::account::{Account, Level};
use super::room::DeclaredRoom;
use super::tree::Device;
use crate::problem::Problem;

impl Account {
    /// Of the centre or above: sees every site and every room.
    pub(crate) fn is_of_centre(&self) -> bool {
        self.level != Level::Member
    }

    fn is_at(&self, site: &SiteId) -> bool {
        self.site.as_ref() == Some(site)
    }

    fn leads_at_its_site(&self) -> bool {
        matches!(self.role, Role::Lead | Role::Surgeon)
    }

    /// May know of this site and its devices.
    pub(crate) fn may_see_site(&self, site: &SiteId) -> bool {
        self.is_of_centre() || self.is_at(site)
    }

    /// The role that it takes in a room; none if the room is not for it to see. A grant is for that room before anything
    /// else is.
    pub(crate) fn role_in(&self, room: &DeclaredRoom) -> Option<Role> {
        let granted = room.grants.iter().find(|grant| grant.account == self.id).map(|grant| grant.role);
        let takes_part = self.is_of_centre() || room.sites.iter().any(|site| self.is_at(site));
        granted.or_else(|| takes_part.then_some(self.role))
    }

    /// As which roles it may come into a room: the one that it takes there, and those that see less.
    pub(crate) fn may_come_as(&self, room: &DeclaredRoom, role: Role) -> bool {
        let least: &[Role] = match self.role_in(room) {
            Some(Role::Lead) => &[Role::Lead, Role::Expert, Role::Trainee],
            Some(Role::Expert) => &[Role::Expert, Role::Trainee],
            Some(Role::Surgeon) => &[Role::Surgeon, Role::Display],
            Some(Role::Trainee) => &[Role::Trainee],
            Some(Role::Display) => &[Role::Display],
            Some(Role::Device | Role::Service) | None => &[],
        };
        least.contains(&role)
    }

    /// May declare a room like this, and change or delete it: of a site's people only one that is of that site alone.
    pub(crate) fn may_declare(&self, room: &DeclaredRoom) -> bool {
        let is_own = matches!(room.sites.as_slice(), [site] if self.is_at(site));
        self.is_of_centre() || is_own && self.leads_at_its_site()
    }

    /// May say to whom else a room is granted.
    pub(crate) fn may_grant(&self) -> bool {
        self.is_of_centre()
    }

    /// May invite guests into a room, and see who is invited.
    pub(crate) fn may_invite_to(&self, room: &DeclaredRoom) -> bool {
        self.is_of_centre() || self.role_in(room) == Some(Role::Lead)
    }

    /// May take a join token for a device: of a site's people those who publish for it.
    pub(crate) fn may_send(&self, device: &Device) -> bool {
        self.is_of_centre() || self.is_at(&device.site) && self.leads_at_its_site()
    }

    /// May import sites and read the audit.
    pub(crate) fn is_administrator(&self) -> bool {
        self.level == Level::Administrator
    }

    /// May make, change and delete an account like this: those of sites' members, and an administrator all.
    pub(crate) fn may_administer(&self, other: &Self) -> bool {
        self.is_administrator() || self.level == Level::Coordinator && other.level == Level::Member
    }
}

/// A refusal of whom this is not for.
pub(crate) fn not_allowed(sentence: &str) -> Problem {
    Problem::new(RefusalCode::NotAllowed, sentence)
}

/// A refusal of a room that is others'.
pub(crate) fn not_yours() -> Problem {
    not_allowed("This room is of other sites, and was not granted to you.")
}

#[cfg(test)]
mod tests {
    use signaling::RoomKind;

    use super::*;
    use crate::register::room::Grant;

    fn account(level: Level, site: Option<&str>, role: Role) -> Account {
        Account {
            id: "me".to_owned(),
            login: signaling::Private::default(),
            name: signaling::Private::default(),
            level,
            site: site.map(|site| site.parse().expect("an id")),
            role,
        }
    }

    fn room(sites: &[&str], granted: Option<Role>) -> DeclaredRoom {
        DeclaredRoom {
            id: "r".parse().expect("an id"),
            kind: RoomKind::Guidance,
            sites: sites.iter().map(|site| site.parse().expect("an id")).collect(),
            grants: granted.map(|role| Grant { account: "me".to_owned(), role }).into_iter().collect(),
        }
    }

    /// What each of six accounts may with rooms of site a, of a and b, of b, of none, and of b but granted.
    #[test]
    fn the_whole_matrix() {
        use Role::{Expert, Lead, Surgeon, Trainee};
        let rooms = [room(&["a"], None), room(&["a", "b"], None), room(&["b"], None), room(&[], None)];
        let granted = room(&["b"], Some(Lead));
        let row = |may: &dyn Fn(&DeclaredRoom) -> bool| rooms.iter().map(may).collect::<Vec<bool>>();
        let (all, none) = ([true; 4], [false; 4]);
        let (own, taking_part) = ([true, false, false, false], [true, true, false, false]);
        for (level, site, role, sees, declares, invites) in [
            (Level::Administrator, None, Lead, all, all, all),
            (Level::Coordinator, None, Expert, all, all, all),
            (Level::Member, Some("a"), Lead, taking_part, own, taking_part),
            (Level::Member, Some("a"), Surgeon, taking_part, own, none),
            (Level::Member, Some("a"), Expert, taking_part, none, none),
            (Level::Member, Some("a"), Trainee, taking_part, none, none),
        ] {
            let me = account(level, site, role);
            assert_eq!(row(&|room| me.role_in(room).is_some()), sees, "{level:?} {role:?} sees");
            assert_eq!(row(&|room| me.may_declare(room)), declares, "{level:?} {role:?} declares");
            assert_eq!(row(&|room| me.may_invite_to(room)), invites, "{level:?} {role:?} invites");
            assert_eq!(me.role_in(&granted), Some(Lead));
            assert!(me.may_invite_to(&granted) && me.may_come_as(&granted, Trainee));
            assert!(!me.may_come_as(&granted, Surgeon), "a grant is for the panel or the audience");
        }
    }

    #[test]
    fn nobody_comes_as_more_than_they_are() {
        let own = room(&["a"], None);
        for (role, may) in [
            (Role::Lead, vec![Role::Lead, Role::Expert, Role::Trainee]),
            (Role::Expert, vec![Role::Expert, Role::Trainee]),
            (Role::Surgeon, vec![Role::Surgeon, Role::Display]),
            (Role::Trainee, vec![Role::Trainee]),
            (Role::Display, vec![Role::Display]),
        ] {
            let me = account(Level::Member, Some("a"), role);
            let comes: Vec<Role> = Role::ALL.into_iter().filter(|as_what| me.may_come_as(&own, *as_what)).collect();
            assert_eq!(comes, may);
            let others = room(&["b"], None);
            assert!(!Role::ALL.into_iter().any(|as_what| me.may_come_as(&others, as_what)), "another site's");
        }
    }

    #[test]
    fn a_device_is_sent_by_those_who_publish_for_its_site() {
        let device =
            Device { id: "box".parse().expect("an id"), site: "a".parse().expect("an id"), name: "Tower 1".to_owned() };
        for (level, site, role, may) in [
            (Level::Administrator, None, Role::Lead, true),
            (Level::Coordinator, None, Role::Trainee, true),
            (Level::Member, Some("a"), Role::Surgeon, true),
            (Level::Member, Some("a"), Role::Lead, true),
            (Level::Member, Some("a"), Role::Trainee, false),
            (Level::Member, Some("a"), Role::Display, false),
            (Level::Member, Some("b"), Role::Surgeon, false),
        ] {
            assert_eq!(account(level, site, role).may_send(&device), may, "{level:?} {role:?}");
        }
    }

    #[test]
    fn nobody_makes_more_of_another_than_they_are() {
        let levels = [Level::Administrator, Level::Coordinator, Level::Member];
        let of = |level: Level| account(level, (level == Level::Member).then_some("a"), Role::Lead);
        let may = |level| levels.map(|other| of(level).may_administer(&of(other)));
        assert_eq!(may(Level::Administrator), [true, true, true]);
        assert_eq!(may(Level::Coordinator), [false, false, true]);
        assert_eq!(may(Level::Member), [false, false, false]);
    }
}
