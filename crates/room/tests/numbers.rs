//! An annex numbers its members with blocks that its home gives it, for as long as it lives.
#![allow(clippy::disallowed_methods, reason = "virtual time must begin somewhere")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::{Certificate, Local, TrunkId};
use room::input::Grants;
use room::{ClientId, Door, Identity, Input, Outbox, Petition, Room, RoomConfig};
use signaling::{CloseReason, Private, Role, ServerMessage};

const TRUNK: TrunkId = TrunkId(1);

/// Carries what the annex says to its home, and the answers back.
fn carry(now: Instant, home: &mut Room, annex: &mut Room, out: &mut Outbox) {
    let petitions: Vec<_> = out.petitions.drain(..).collect();
    out.clear();
    for petition in petitions {
        home.handle(now, Input::Petition(TRUNK, petition), out);
    }
    let dispatches: Vec<_> = out.dispatches.drain(..).collect();
    out.clear();
    for (_, dispatch) in dispatches {
        annex.handle(now, Input::Dispatch(dispatch), out);
    }
}

#[test]
fn members_of_an_annex_never_have_a_number_twice() {
    let now = Instant::now();
    let config = RoomConfig {
        id: "room-12".parse().expect("a room id"),
        kind: signaling::RoomKind::default(),
        since_1970: Duration::from_secs(1_795_285_000),
        local: Arc::new(Local {
            candidates: vec![SocketAddr::from(([192, 0, 2, 1], 7881))],
            certificate: Certificate::generate(),
        }),
        playout_delay_most: Duration::from_millis(400),
    };
    let identity = |role| Identity {
        subject: Private::new("device-7".to_owned()),
        name: Private::new("Example Person".to_owned()),
        role,
        site: None,
        grants: Grants::default(),
    };
    let (mut home, mut annex) = (Room::new(now, config.clone()), Room::annex(now, config));
    let mut out = Outbox::default();
    home.handle(now, Input::Petition(TRUNK, Petition::Open), &mut out);
    for (_, dispatch) in out.dispatches.drain(..).collect::<Vec<_>>() {
        annex.handle(now, Input::Dispatch(dispatch), &mut out);
    }
    out.clear();
    let mut numbers = BTreeSet::new();
    let mut join = |room: &mut Room, client: u64, role, out: &mut Outbox| {
        let client = ClientId(client);
        room.handle(
            now,
            Input::Joined { client, re: None, identity: identity(role), door: Door::WebSocket, returns: None },
            out,
        );
        let joined = out.messages.iter().find_map(|said| match &said.message {
            ServerMessage::Joined { you, .. } => Some(you.id),
            _ => None,
        });
        assert!(numbers.insert(joined.expect("it joined")), "client {client:?} has a number that another has had");
    };
    for client in 0..70_000 {
        join(&mut annex, client, Role::Trainee, &mut out);
        annex.handle(now, Input::Left { client: ClientId(client), reason: CloseReason::Left }, &mut out);
        carry(now, &mut home, &mut annex, &mut out);
        if client % 1000 == 0 {
            join(&mut home, 1_000_000 + client, Role::Expert, &mut out);
            out.clear();
        }
    }
}
