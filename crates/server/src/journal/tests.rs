use signaling::{MemberId, ServerMessage};

use super::*;

fn volume(room: &str, opened_s: u64) -> Arc<Volume> {
    Volume::new(room.parse().expect("a name"), RoomKind::Guidance, Duration::from_secs(opened_s))
}

fn entry(number: u64) -> Entry {
    let message = ServerMessage::Left { member: MemberId(number as u32), re: None };
    Entry { number, at_ms: 1000 + number, by: Some(MemberId(7)), subject: None, message }
}

/// The numbers of what a room's journal holds after this one.
fn numbers(journal: &Journal, room: &str, after: u64) -> Option<Vec<u64>> {
    let document = journal.read(&room.parse().expect("a name"), after, 1000).expect("a readable file")?;
    Some(document.numbers())
}

#[test]
fn what_was_kept_is_there_after_a_restart() {
    let data = a_directory("journal");
    let (journal, thread) = Journal::start(&data).expect("a journal");
    let (first, other) = (volume("room-1", 1), volume("room-2", 2));
    journal.keep(&first, vec![entry(1), entry(2)]);
    journal.keep(&other, vec![entry(1)]);
    journal.close(first, Duration::from_secs(9));
    journal.end();
    thread.join().expect("ends");

    let (journal, thread) = Journal::start(&data).expect("a journal");
    assert_eq!(numbers(&journal, "room-1", 0), Some(vec![1, 2]));
    assert_eq!(numbers(&journal, "room-1", 1), Some(vec![2]));
    assert_eq!(numbers(&journal, "room-3", 0), None);
    let document = journal.read(&"room-1".parse().expect("a name"), 0, 1).expect("readable").expect("is there");
    let text = serde_json::to_value(&document).expect("can be written");
    assert_eq!(
        text,
        serde_json::json!({
            "room": "room-1", "kind": "guidance", "opened_ms": 1000, "closed_ms": 9000,
            "entries": [{ "number": 1, "at_ms": 1001, "by": 7, "message": { "type": "left", "member": 1 } }],
        })
    );
    // A room of the same name that opens later is another one.
    journal.keep(&volume("room-1", 20), vec![entry(1)]);
    journal.end();
    thread.join().expect("ends");
    assert_eq!(numbers(&journal, "room-1", 0), Some(vec![1]));
    std::fs::remove_dir_all(data).expect("was made");
}

#[test]
fn names_in_it_are_for_the_servers_eyes_only() {
    use std::os::unix::fs::PermissionsExt;
    let data = a_directory("journal");
    let (journal, thread) = Journal::start(&data).expect("a journal");
    journal.keep(&volume("room-1", 1), vec![entry(1)]);
    let mut modes = Vec::new();
    // Beside the file there are SQLite's own as long as it is open.
    while modes.len() < 3 || numbers(&journal, "room-1", 0).is_none() {
        let files = std::fs::read_dir(&data).expect("was made").map(|file| file.expect("a file"));
        modes = files.map(|file| file.metadata().expect("a file").permissions().mode() & 0o777).collect();
    }
    assert!(modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
    journal.end();
    thread.join().expect("ends");
    std::fs::remove_dir_all(data).expect("was made");
}

#[test]
fn a_locked_database_keeps_nobody_waiting_and_loses_nothing() {
    let data = a_directory("journal");
    let (journal, thread) = Journal::start(&data).expect("a journal");
    let locking = rusqlite::Connection::open(data.join("consilium.db")).expect("opens");
    locking.execute_batch("BEGIN IMMEDIATE").expect("locks");
    let room = volume("room-1", 1);
    journal.keep(&room, vec![entry(1), entry(2)]);
    while !journal.counts().2 {
        thread::yield_now();
    }
    journal.keep(&room, vec![entry(3)]);
    assert_eq!(numbers(&journal, "room-1", 0), None, "it is locked");
    locking.execute_batch("ROLLBACK").expect("unlocks");
    while journal.counts().0 < 3 {
        thread::yield_now();
    }
    assert_eq!(journal.counts(), (3, 0, false));
    assert_eq!(numbers(&journal, "room-1", 0), Some(vec![1, 2, 3]));
    journal.end();
    thread.join().expect("ends");
    std::fs::remove_dir_all(data).expect("was made");
}

#[test]
fn what_there_is_no_place_for_is_missing_by_its_number() {
    let data = a_directory("journal");
    let (journal, thread) = Journal::start(&data).expect("a journal");
    let locking = rusqlite::Connection::open(data.join("consilium.db")).expect("opens");
    locking.execute_batch("BEGIN IMMEDIATE").expect("locks");
    let room = volume("room-1", 1);
    let most = (JOURNAL_PAGES + 2 * PAGES_AT_ONCE) as u64;
    (1..=most).for_each(|number| journal.keep(&room, vec![entry(number)]));
    let (_, lost, _) = journal.counts();
    assert!(lost >= PAGES_AT_ONCE as u64, "{lost}");
    locking.execute_batch("ROLLBACK").expect("unlocks");
    while journal.counts().0 + lost < most {
        thread::yield_now();
    }
    journal.keep(&room, vec![entry(most + 1)]);
    journal.end();
    thread.join().expect("ends");
    let mut kept = Vec::new();
    while let Some(more) =
        numbers(&journal, "room-1", kept.last().copied().unwrap_or(0)).filter(|more| !more.is_empty())
    {
        kept.extend(more);
    }
    assert_eq!(kept.len() as u64 + lost, most + 1);
    assert_eq!((kept.first(), kept.last()), (Some(&1), Some(&(most + 1))));
    std::fs::remove_dir_all(data).expect("was made");
}

#[test]
fn a_file_that_is_none_of_ours_is_refused() {
    let data = a_directory("journal");
    std::fs::create_dir_all(&data).expect("can be made");
    std::fs::write(data.join("consilium.db"), [7; 4096]).expect("can be written");
    assert!(Journal::start(&data).is_err());
    std::fs::remove_dir_all(data).expect("was made");
}
