use room::{Door, Identity};
use signaling::{ClientMessage, Private, RequestId, Role, ServerMessage};
use tokio::runtime::Runtime;

use super::*;
use crate::directory::{Directory, Presence};
use crate::listen;

/// A worker that the test turns by hand, and the way into its rooms.
fn worker() -> (Worker, Arc<Directory>, Runtime) {
    let sockets = listen::media("127.0.0.1:0".parse().expect("an address"), &[], true).expect("free ports");
    let (worker, hand) = Worker::new(sockets, Certificate::generate(), Instant::now()).expect("a worker");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    (worker, Arc::new(Directory::new(vec![hand], None)), runtime)
}

fn expert() -> Identity {
    Identity {
        subject: Private::new("s".to_owned()),
        name: Private::new("Dr. Example One".to_owned()),
        role: Role::Expert,
        site: None,
        grants: room::input::Grants::default(),
    }
}

fn turn(worker: &mut Worker) {
    worker.ready.inbox = true;
    worker.take_orders();
}

/// Lets a client in and gives it when it has heard that it has joined.
fn join(worker: &mut Worker, directory: &Arc<Directory>, runtime: &Runtime, room: &str) -> Presence {
    let room = room.parse().expect("a name");
    let entering = directory.enter(room, expert(), Door::WebSocket, Some(RequestId(1)));
    let mut presence = runtime.block_on(entering).expect("lets it in");
    turn(worker);
    assert!(matches!(hear(runtime, &mut presence), Delivery::Message(ServerMessage::Joined { .. })));
    presence
}

fn hear(runtime: &Runtime, presence: &mut Presence) -> Delivery {
    runtime.block_on(presence.next())
}

/// A room that panics is over for its own clients, who are told; the others notice nothing, and the room can be
/// opened again.
#[test]
fn a_panic_ends_one_room() {
    let (mut worker, directory, runtime) = worker();
    let mut victims = [(); 2].map(|()| join(&mut worker, &directory, &runtime, "falls"));
    let mut other = join(&mut worker, &directory, &runtime, "stands");
    let place = worker.hall.place_of(&"falls".parse().expect("a name")).expect("is open");
    let sent = worker.attempt(place, |_, outbox| {
        outbox.routes.push(Route::Over(SessionId(7)));
        panic!("as a fault in a room would");
    });
    assert!(!sent && worker.tally.panics == 1 && worker.outbox.routes.is_empty(), "nothing of it is left behind");
    for victim in &mut victims {
        // the second entered while the first was there, which the first has still to read
        let end = std::iter::repeat_with(|| hear(&runtime, victim)).find(|heard| matches!(heard, Delivery::Closed(_)));
        assert!(matches!(end, Some(Delivery::Closed(CloseReason::Internal))));
    }
    assert!(worker.hall.place_of(&"falls".parse().expect("a name")).is_none());
    // it no longer knows the room, the directory neither
    let (sdp, feeds) = ("v=1".to_owned(), Vec::new());
    runtime.block_on(other.say(Some(RequestId(2)), ClientMessage::Publish { sdp, feeds, voice: None }));
    turn(&mut worker);
    let heard = hear(&runtime, &mut other);
    assert!(matches!(heard, Delivery::Message(ServerMessage::Refused { re: Some(RequestId(2)), .. })), "{heard:?}");
    drop(victims);
    turn(&mut worker);
    assert_eq!(worker.hall.clients(), 1, "only the other room's client is there");
    join(&mut worker, &directory, &runtime, "falls");
}
