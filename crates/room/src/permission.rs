//! Who may do what: one table of acts and roles. A token's grants narrow it, the room's policy narrows who may speak, and
//! the floor lets one of the audience speak.

use signaling::{ClientMessage, Policy, Role, SayTo};

use crate::entitlement::Standing;

/// Something that a member may do, or not, by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Publish feeds.
    Show,
    /// Publish a voice.
    Speak,
    /// Receive feeds and voices.
    Receive,
    /// Attend sites, say whom its voice is for, answer calls, have a duty.
    Attend,
    /// Call somebody of the panel.
    Call,
    /// Say something to the panel alone, or to everybody.
    SayToAnybody,
    /// Say something to a site and the panel.
    SayToSite,
    /// Ask a question, raise a hand.
    Ask,
    /// Answer a question.
    AnswerQuestion,
    /// All that a lead alone may do: programme, floor, door, silence, policy, end.
    Lead,
}

impl Act {
    /// Every act, for tests.
    pub const ALL: [Self; 10] = [
        Self::Show,
        Self::Speak,
        Self::Receive,
        Self::Attend,
        Self::Call,
        Self::SayToAnybody,
        Self::SayToSite,
        Self::Ask,
        Self::AnswerQuestion,
        Self::Lead,
    ];

    /// The roles that may do it at all.
    fn roles(self) -> &'static [Role] {
        use Role::{Device, Display, Expert, Lead, Service, Surgeon, Trainee};
        match self {
            Self::Show => &[Lead, Expert, Surgeon, Device],
            Self::Speak => &[Lead, Expert, Surgeon, Device, Trainee],
            Self::Receive => &[Lead, Expert, Surgeon, Trainee, Display, Service],
            Self::Attend | Self::SayToAnybody | Self::AnswerQuestion => &[Lead, Expert],
            Self::Call => &[Surgeon],
            Self::SayToSite => &[Lead, Expert, Surgeon],
            Self::Ask => &[Trainee],
            Self::Lead => &[Lead],
        }
    }

    /// What a message does; none for what everybody may say of its own things.
    pub(crate) fn of(message: &ClientMessage) -> Option<Self> {
        Some(match message {
            ClientMessage::Attend { .. }
            | ClientMessage::DirectVoice { .. }
            | ClientMessage::AnswerCall { .. }
            | ClientMessage::SetDuty { .. } => Self::Attend,
            ClientMessage::Call { .. } => Self::Call,
            ClientMessage::Say { to: SayTo::Site(_), .. } => Self::SayToSite,
            ClientMessage::Say { .. } => Self::SayToAnybody,
            ClientMessage::Ask { .. } | ClientMessage::RaiseHand { .. } => Self::Ask,
            ClientMessage::AnswerQuestion { .. } => Self::AnswerQuestion,
            ClientMessage::AirQuestion { .. }
            | ClientMessage::GiveFloor { .. }
            | ClientMessage::ShowProgramme { .. }
            | ClientMessage::Admit { .. }
            | ClientMessage::TurnAway { .. }
            | ClientMessage::SilenceMember { .. }
            | ClientMessage::MoveMember { .. }
            | ClientMessage::RemoveMember { .. }
            | ClientMessage::SetPolicy { .. }
            | ClientMessage::EndRoom {} => Self::Lead,
            // What is one's own: its holder decides further on whose it is.
            ClientMessage::Join { .. }
            | ClientMessage::Publish { .. }
            | ClientMessage::Receive { .. }
            | ClientMessage::Watch { .. }
            | ClientMessage::Resize { .. }
            | ClientMessage::NoteAges { .. }
            | ClientMessage::MuteVoice { .. }
            | ClientMessage::MuteFeed { .. }
            | ClientMessage::Candidate { .. }
            | ClientMessage::Ping { .. }
            | ClientMessage::Leave {}
            | ClientMessage::EndCall { .. }
            | ClientMessage::TakeFloor { .. } => return None,
        })
    }
}

impl Standing {
    /// May do this, by its role and what its token leaves of it.
    pub fn may(&self, act: Act) -> bool {
        let is_granted = match act {
            Act::Show | Act::Speak => self.grants.publish,
            Act::Receive => self.grants.receive,
            _ => true,
        };
        is_granted && act.roles().contains(&self.role)
    }

    /// May be heard now: by its role and the policy, or because it `has_floor`.
    pub(crate) fn may_speak(&self, policy: &Policy, has_floor: bool) -> bool {
        self.may(Act::Speak) && (has_floor || policy.speak.contains(&self.role))
    }
}

#[cfg(test)]
mod tests {
    use signaling::RoomKind;

    use super::*;
    use crate::input::Grants;
    use crate::policy::policy_of;

    fn standing(role: Role) -> Standing {
        Standing { role, site: None, grants: Grants::default() }
    }

    /// Said once more, as a picture: one line for each act, one letter for each role that may do it.
    #[test]
    fn all_roles_times_all_acts() {
        let table = [
            (Act::Show, "lead expert surgeon device"),
            (Act::Speak, "lead expert surgeon trainee device"),
            (Act::Receive, "lead expert surgeon trainee display service"),
            (Act::Attend, "lead expert"),
            (Act::Call, "surgeon"),
            (Act::SayToAnybody, "lead expert"),
            (Act::SayToSite, "lead expert surgeon"),
            (Act::Ask, "trainee"),
            (Act::AnswerQuestion, "lead expert"),
            (Act::Lead, "lead"),
        ];
        assert_eq!(table.map(|(act, _)| act), Act::ALL);
        for (act, roles) in table {
            for role in Role::ALL {
                let may = roles.split(' ').any(|word| word == role.as_str());
                assert_eq!(standing(role).may(act), may, "{role:?} {act:?}");
            }
        }
    }

    #[test]
    fn grants_only_narrow() {
        for role in Role::ALL {
            for (publish, receive) in [(false, false), (true, false), (false, true)] {
                let narrowed = Standing { grants: Grants { publish, receive }, ..standing(role) };
                for act in Act::ALL {
                    assert!(!narrowed.may(act) || standing(role).may(act), "{role:?} {act:?}");
                }
                assert!(publish || !narrowed.may(Act::Show) && !narrowed.may(Act::Speak), "{role:?}");
                assert!(receive || !narrowed.may(Act::Receive), "{role:?}");
            }
        }
    }

    #[test]
    fn who_may_speak_by_the_kind_of_room_and_the_floor() {
        let speaks = |kind, role, has_floor| standing(role).may_speak(&policy_of(kind), has_floor);
        for kind in [RoomKind::Guidance, RoomKind::Consultation, RoomKind::Teaching, RoomKind::Meeting] {
            for role in [Role::Lead, Role::Expert, Role::Surgeon, Role::Device] {
                assert!(speaks(kind, role, false), "{kind:?} {role:?}");
            }
            for role in [Role::Display, Role::Service] {
                assert!(!speaks(kind, role, true), "{kind:?} {role:?}: not even with the floor");
            }
            assert_eq!(speaks(kind, Role::Trainee, false), kind == RoomKind::Meeting, "{kind:?}");
            assert!(speaks(kind, Role::Trainee, true), "{kind:?}");
        }
    }
}
