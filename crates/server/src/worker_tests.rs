use room::{Door, Identity};
use signaling::{ClientMessage, Private, RequestId, Role, ServerMessage};
use tokio::runtime::Runtime;

use super::*;
use crate::config::RoomRule;
use crate::directory::{Directory, Openable, Presence};
use crate::listen;

/// Workers that the test turns by hand, and the way into their rooms.
fn workers<const COUNT: usize>() -> ([Worker; COUNT], Arc<Directory>, Runtime) {
    let mut hands = Vec::new();
    let means = Means {
        certificate: Certificate::generate(),
        playout_delay_most: Duration::ZERO,
        thumbnails: Thumbnails::start(1).expect("a thread"),
        journal: Journal::start(&crate::journal::a_directory("worker")).expect("a journal").0,
    };
    let workers = [(); COUNT].map(|()| {
        let sockets = listen::media("127.0.0.1:0".parse().expect("an address"), &[], true).expect("free ports");
        let (worker, hand) = Worker::new(sockets, means.clone(), Instant::now()).expect("a worker");
        hands.push(hand);
        worker
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    (workers, Arc::new(Directory::new(hands, Openable::new(RoomRule::Any, Vec::new(), None))), runtime)
}

fn identity(role: Role) -> Identity {
    Identity {
        subject: Private::new("s".to_owned()),
        name: Private::new("Dr. Example One".to_owned()),
        role,
        site: None,
        grants: room::input::Grants::default(),
    }
}

fn turn(worker: &mut Worker) {
    (worker.ready.inbox, worker.ready.parcels) = (true, true);
    worker.take_parcels();
    worker.take_orders();
    worker.close_broken_trunks();
}

/// Lets a client in and gives it when it has heard that it has joined.
fn join(worker: &mut Worker, directory: &Arc<Directory>, runtime: &Runtime, room: &str) -> Presence {
    let room = room.parse().expect("a name");
    let entering = directory.enter(room, identity(Role::Expert), Door::WebSocket, (Some(RequestId(1)), None));
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
    let ([mut worker], directory, runtime) = workers();
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

/// Two workers with one room: the panel at the first, an annex for the audience at the second.
struct House {
    home: Worker,
    annex: Worker,
    directory: Arc<Directory>,
    runtime: Runtime,
    expert: Presence,
    trainee: Presence,
}

impl House {
    fn new() -> Self {
        let ([mut home, annex], directory, runtime) = workers();
        let expert = join(&mut home, &directory, &runtime, "lesson");
        let entering =
            directory.enter(Self::room(), identity(Role::Trainee), Door::WebSocket, (Some(RequestId(1)), None));
        let trainee = runtime.block_on(entering).expect("lets it in");
        let mut house = Self { home, annex, directory, runtime, expert, trainee };
        house.turn();
        house
    }

    fn room() -> RoomId {
        "lesson".parse().expect("a name")
    }

    fn turn(&mut self) {
        for _ in 0..3 {
            turn(&mut self.annex);
            turn(&mut self.home);
        }
    }
}

#[test]
fn the_audience_is_in_an_annex_and_in_the_room() {
    let mut house = House::new();
    let heard = hear(&house.runtime, &mut house.trainee);
    let Delivery::Message(ServerMessage::Joined { members, you, .. }) = heard else { panic!("{heard:?}") };
    assert_eq!(members.iter().map(|member| member.role).collect::<Vec<_>>(), [Role::Expert, Role::Trainee]);
    let heard = hear(&house.runtime, &mut house.expert);
    let Delivery::Message(ServerMessage::Entered { member }) = heard else { panic!("{heard:?}") };
    assert_eq!((member.id, member.role), (you.id, Role::Trainee));
    assert_eq!((house.home.hall.rooms_and_annexes(), house.annex.hall.rooms_and_annexes()), ((1, 0), (0, 1)));
    house.trainee = {
        let entering = house.directory.enter(House::room(), identity(Role::Trainee), Door::WebSocket, (None, None));
        house.runtime.block_on(entering).expect("lets it in")
    };
    house.turn();
    assert_eq!(house.annex.hall.rooms_and_annexes(), (0, 1), "one annex for all of them");
    let heard: Vec<_> = (0..2).map(|_| hear(&house.runtime, &mut house.expert)).collect();
    assert!(
        heard
            .iter()
            .any(|heard| matches!(heard, Delivery::Message(ServerMessage::Left { member, .. }) if *member == you.id)),
        "{heard:?}"
    );
}

#[test]
fn a_home_that_fails_ends_its_annexes() {
    let mut house = House::new();
    hear(&house.runtime, &mut house.trainee);
    let place = house.home.hall.place_of(&House::room()).expect("is open");
    house.home.attempt(place, |_, _| panic!("as a fault in a room would"));
    house.turn();
    assert!(matches!(hear(&house.runtime, &mut house.trainee), Delivery::Closed(CloseReason::Internal)));
    assert_eq!(house.annex.hall.rooms_and_annexes(), (0, 0));
}

#[test]
fn an_annex_that_fails_is_nothing_to_its_home() {
    let mut house = House::new();
    hear(&house.runtime, &mut house.expert);
    let place = house.annex.hall.place_of(&House::room()).expect("is open");
    house.annex.attempt(place, |_, _| panic!("as a fault in an annex would"));
    house.turn();
    let heard = hear(&house.runtime, &mut house.expert);
    assert!(matches!(heard, Delivery::Message(ServerMessage::Left { .. })), "its members are gone: {heard:?}");
    assert_eq!(house.home.hall.rooms_and_annexes(), (1, 0));
    let place = house.home.hall.place_of(&House::room()).expect("is open");
    drop(house.expert);
    turn(&mut house.home);
    assert!(house.home.hall.room(place).is_some_and(|room| room.is_empty()), "nothing holds it any more");
}

#[test]
fn where_there_is_no_capacity_the_panel_is_let_in_and_the_audience_is_not() {
    let ([mut home, annex], directory, runtime) = workers();
    let enter = |role| runtime.block_on(directory.enter(House::room(), identity(role), Door::WebSocket, (None, None)));
    let code = |refused: Result<Presence, signaling::Refusal>| refused.map(|_| ()).map_err(|refusal| refusal.code);
    let full = Err(signaling::RefusalCode::AtCapacity);
    annex.hand.is_full.store(true, Ordering::Relaxed);
    assert_eq!(code(enter(Role::Trainee)), Ok(()), "the home has capacity");
    home.hand.is_full.store(true, Ordering::Relaxed);
    assert_eq!(code(enter(Role::Trainee)), full);
    assert_eq!(code(enter(Role::Expert)), Ok(()));
    // Nobody has been left without a picture lately.
    home.kept_at = Instant::now() - HOUSEKEEPING;
    home.keep_house();
    assert_eq!(code(enter(Role::Trainee)), Ok(()));
}
