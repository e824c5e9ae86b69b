//! What members do beside publishing and watching: each message to its own place.

use std::time::Instant;

use signaling::ClientMessage;

use crate::member::Asked;
use crate::room::Answered;
use crate::{Outbox, Room};

impl Room {
    /// What a member does that is not about its own connections.
    pub(crate) fn act(&mut self, now: Instant, asked: Asked, message: ClientMessage, out: &mut Outbox) -> Answered {
        match message {
            ClientMessage::Attend { sites } => self.attend(now, asked, sites, out),
            ClientMessage::DirectVoice { to } => self.direct_voice(now, asked, to, out),
            ClientMessage::Call { member, duty } => self.call(now, asked, member, duty, out),
            ClientMessage::AnswerCall { call } => self.answer_call(now, asked, call, out),
            ClientMessage::EndCall { call } => self.end_call(asked, call, out),
            ClientMessage::SetDuty { member, duty } => self.set_duty(asked, member, duty, out),
            ClientMessage::Say { to, text } => self.say(now, asked, to, text, out),
            ClientMessage::Ask { text } => self.ask(now, asked, text, out),
            ClientMessage::AnswerQuestion { question, text } => self.answer_question(asked, question, text, out),
            ClientMessage::AirQuestion { question, on_air } => self.air_question(asked, question, on_air, out),
            ClientMessage::RaiseHand { raised } => self.raise_hand(asked, raised, out),
            ClientMessage::GiveFloor { member, sites } => self.give_floor(now, asked, member, sites, out),
            ClientMessage::TakeFloor { member } => self.take_floor(now, asked, member, out),
            ClientMessage::ShowProgramme { programme } => self.show_programme(now, asked, programme, out),
            ClientMessage::Admit { member } => self.admit_waiter(asked, member, out),
            ClientMessage::TurnAway { member } => self.turn_away(asked, member, out),
            ClientMessage::SilenceMember { member, silenced } => self.silence_member(asked, member, silenced, out),
            ClientMessage::MoveMember { member, role, site } => self.move_member(now, asked, member, (role, site), out),
            ClientMessage::RemoveMember { member } => self.remove_by_lead(now, asked, member, out),
            ClientMessage::SetPolicy { policy } => self.set_policy(now, asked, policy, out),
            ClientMessage::EndRoom {} => {
                self.end_room(now, asked, out);
                Ok(())
            }
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
            | ClientMessage::Leave {} => unreachable!("a message of a client's own"),
        }
    }
}
