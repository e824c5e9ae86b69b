//! How members' lines are, and who hears of it: the member itself, the others of its site, the leads.

use std::collections::BTreeMap;

use media::SessionId;
use signaling::client::Connection;
use signaling::{LineCondition, MemberId, Role, ServerMessage};

use crate::annex::Petition;
use crate::entitlement::Standing;
use crate::member::Present;
use crate::{ClientId, Outbox, Room};

/// The lines that are not good, by whose they are.
pub(crate) type Lines = BTreeMap<(MemberId, Connection, SessionId), LineCondition>;

impl Room {
    /// A session's line has become better or worse.
    pub(crate) fn line_changed(&mut self, session: SessionId, condition: media::LineCondition, out: &mut Outbox) {
        let Some(client) = self.sessions.get(&session).and_then(|client| self.clients.get(client)) else { return };
        let Some(connection) = client.connection(session) else { return };
        let member = client.member;
        let condition = match condition {
            media::LineCondition::Good => LineCondition::Good,
            media::LineCondition::Reduced => LineCondition::Reduced,
            media::LineCondition::Poor => LineCondition::Poor,
        };
        match condition {
            LineCondition::Good => self.lines.remove(&(member, connection, session)),
            _ => self.lines.insert((member, connection, session), condition),
        };
        self.judge_line(member, connection, out);
    }

    /// A session is over, and so is what its line was like.
    pub(crate) fn forget_line(&mut self, session: SessionId, out: &mut Outbox) {
        let whose = self.lines.keys().copied().filter(|(_, _, of)| *of == session).collect::<Vec<_>>();
        for key in whose {
            self.lines.remove(&key);
            self.judge_line(key.0, key.1, out);
        }
    }

    /// Of several connections of a member the worst counts.
    fn judge_line(&mut self, member: MemberId, connection: Connection, out: &mut Outbox) {
        let all = self.lines.iter().filter(|((whose, which, _), _)| (*whose, *which) == (member, connection));
        let condition = all.map(|(_, condition)| *condition).max().unwrap_or_default();
        self.set_line(member, connection, condition, out);
    }

    /// A member's line is so now.
    pub(crate) fn set_line(
        &mut self,
        id: MemberId,
        connection: Connection,
        condition: LineCondition,
        out: &mut Outbox,
    ) {
        let Some(present) = self.members.get_mut(&id) else { return };
        let before = match condition {
            LineCondition::Good => present.lines.remove(&connection),
            _ => present.lines.insert(connection, condition),
        };
        if before.unwrap_or_default() == condition {
            return;
        }
        tracing::info!(room = %self.id, member = id.0, ?connection, ?condition, "line changed");
        if self.is_annex() {
            out.petitions.push(Petition::Line(id, connection, condition));
        }
        let message = ServerMessage::LineChanged { member: id, connection, condition };
        let present = &self.members[&id];
        let hears = |client: &ClientId| {
            let hearer = &self.members[&self.clients[client].member];
            hearer.member.id == id || hearer.standing.hears_of_line(&present.standing)
        };
        let hearers: Vec<_> = self.hearers(|_| true).into_iter().filter(hears).collect();
        for client in hearers {
            out.say(client, message.clone());
        }
        out.note(message);
    }

    /// Tells one who has just come of the lines that are not good.
    pub(crate) fn tell_lines(&self, client: ClientId, out: &mut Outbox) {
        let hearer = &self.members[&self.clients[&client].member];
        let of_interest = |present: &&Present| {
            present.member.id == hearer.member.id || hearer.standing.hears_of_line(&present.standing)
        };
        for present in self.members.values().filter(of_interest) {
            let member = present.member.id;
            for (connection, condition) in &present.lines {
                let (connection, condition) = (*connection, *condition);
                out.say(client, ServerMessage::LineChanged { member, connection, condition });
            }
        }
    }
}

impl Standing {
    /// Hears how the lines of those are who stand so.
    fn hears_of_line(&self, of: &Self) -> bool {
        self.role == Role::Lead || self.site.is_some() && self.site == of.site
    }
}
