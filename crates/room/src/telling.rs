//! How those who are in the room, and the annexes, are told what happened, and the journal with them.

use signaling::{RequestId, ServerMessage};

use crate::annex::Dispatch;
use crate::entitlement::Standing;
use crate::member::{Asked, Present, Whereabouts};
use crate::{ClientId, Outbox, Room};

impl Room {
    /// Says something to every WebSocket client here whose member stands so, and to the annexes if the audience does.
    pub(crate) fn tell(&self, stands: impl Fn(&Standing) -> bool, message: ServerMessage, out: &mut Outbox) {
        self.say_to_those(&stands, &message, out);
        if stands(&Standing::audience()) {
            self.dispatch(|| Dispatch::Said(Box::new(message.clone())), out);
        }
    }

    /// The same where one of them has asked for it, whose answer names what it asked with.
    pub(crate) fn tell_answering(
        &self,
        asked: Option<(ClientId, Option<RequestId>)>,
        stands: impl Fn(&Standing) -> bool,
        message: impl Fn(Option<RequestId>) -> ServerMessage,
        out: &mut Outbox,
    ) {
        let by = asked.and_then(|(asker, _)| self.clients.get(&asker)).map(|client| client.member);
        out.note_by(by, message(None));
        for client in self.hearers(&stands) {
            let re = asked.filter(|(asker, _)| *asker == client).and_then(|(_, re)| re);
            out.say(client, message(re));
        }
        if stands(&Standing::audience()) {
            self.dispatch(|| Dispatch::Said(Box::new(message(None))), out);
        }
    }

    pub(crate) fn say_to_those(&self, stands: impl Fn(&Standing) -> bool, message: &ServerMessage, out: &mut Outbox) {
        out.note(message.clone());
        for client in self.hearers(stands) {
            out.say(client, message.clone());
        }
    }

    /// Says to each what it may know of something that happened, and `whole` to the journal.
    /// `for_one` gives that for one of those who are there, or for the audience of an annex.
    pub(crate) fn tell_each(
        &self,
        asked: Option<Asked>,
        whole: ServerMessage,
        for_one: impl Fn(&Present, &ServerMessage) -> Option<ServerMessage>,
        out: &mut Outbox,
    ) {
        for client in self.hearers(|_| true) {
            let present = &self.members[&self.clients[&client].member];
            if let Some(message) = for_one(present, &whole) {
                let re = asked.filter(|asked| asked.member == present.member.id).and_then(|asked| asked.re);
                out.say(client, message.answering(re));
            }
        }
        if !self.annexes.is_empty() {
            match for_one(&Present::of_audience(), &whole) {
                Some(message) => self.dispatch(|| Dispatch::Said(Box::new(message.clone())), out),
                None => self.tell_in_annexes(asked, &whole, for_one, out),
            }
        }
        out.note_by(asked.map(|asked| asked.member), whole);
    }

    /// The same for members in annexes, one by one.
    fn tell_in_annexes(
        &self,
        asked: Option<Asked>,
        whole: &ServerMessage,
        for_one: impl Fn(&Present, &ServerMessage) -> Option<ServerMessage>,
        out: &mut Outbox,
    ) {
        for present in self.members.values() {
            let Whereabouts::Annex(annex) = present.whereabouts else { continue };
            if let Some(message) = for_one(present, whole) {
                let id = present.member.id;
                let re = asked.filter(|asked| asked.member == id).and_then(|asked| asked.re);
                out.dispatches.push((annex, Dispatch::SaidTo(id, Box::new(message.answering(re)))));
            }
        }
    }
}
