//! Who may do what in a room: what its kind begins with, and what a lead makes of it.

use std::time::Instant;

use signaling::{Policy, Role, RoomKind, ServerMessage};

use crate::member::Asked;
use crate::room::Answered;
use crate::{Outbox, Room};

/// What a room of this kind begins with.
pub(crate) fn policy_of(kind: RoomKind) -> Policy {
    use Role::{Device, Expert, Lead, Surgeon, Trainee};
    let all_but_audience: Vec<Role> = Role::ALL.into_iter().filter(|role| *role != Trainee).collect();
    let base = Policy {
        speak: vec![Lead, Expert, Surgeon, Device],
        wait: Vec::new(),
        history: all_but_audience,
        locked: false,
        sites_joined: false,
    };
    match kind {
        RoomKind::Guidance => base,
        // A case is discussed: those who have come to listen are let in one by one, and the hospitals hear each other.
        RoomKind::Consultation => Policy { wait: vec![Trainee], sites_joined: true, ..base },
        RoomKind::Teaching => Policy { history: Role::ALL.into(), ..base },
        RoomKind::Meeting => Policy {
            speak: vec![Lead, Expert, Surgeon, Device, Trainee],
            history: Role::ALL.into(),
            sites_joined: true,
            ..base
        },
    }
}

impl Room {
    pub(crate) fn set_policy(&mut self, now: Instant, asked: Asked, policy: Policy, out: &mut Outbox) -> Answered {
        let mut policy = policy;
        for roles in [&mut policy.speak, &mut policy.wait, &mut policy.history] {
            roles.sort_by_key(|role| Role::ALL.iter().position(|known| known == role));
            roles.dedup();
        }
        // Nobody could let a lead in.
        policy.wait.retain(|role| *role != Role::Lead);
        let message = ServerMessage::PolicySet { re: None, policy: policy.clone() };
        self.shift(now, |room| room.policy = policy, Some((asked, message)), out);
        self.settle_voices();
        Ok(())
    }
}
