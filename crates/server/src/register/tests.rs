use std::fmt::Write;

use signaling::{Private, Role, SiteId};

use super::account::{Account, Level};
use super::invite::Invite;
use super::room::{DeclaredRoom, Grant};
use super::*;
use crate::journal::a_directory;
use crate::problem::{Code, RegisterCode};
use crate::tree_file::Format;

/// A register of its own; the directory is removed by the test.
fn a_database(name: &str) -> (std::path::PathBuf, Connection) {
    let data = a_directory(name);
    let database = database::make(&database::path(&data)).expect("can be made");
    (data, database)
}

/// One centre with so many sites, each with a device and a room, as TOML.
fn alliance(sites: usize) -> String {
    let mut text = "[centre]\nid = \"centre\"\nname = \"Example centre\"\n".to_owned();
    for site in 1..=sites {
        write!(
            text,
            "\n[[site]]\nid = \"site-{site:02}\"\nname = \"Example hospital {site}\"\n\n[[site.device]]\nid = \"tower-{site:02}\"\n\
             name = \"Tower 1\"\n\n[[room]]\nid = \"room-{site:02}\"\nkind = \"guidance\"\nsites = [\"site-{site:02}\"]\n"
        )
        .expect("fits");
    }
    text
}

fn import(database: &Connection, text: &str) -> Result<Imported, Fault> {
    tree::import(database, &TreeFile::parse(text, Format::Toml).expect("a good file"))
}

fn account(id: &str, level: Level, site: Option<&str>, role: Role) -> Account {
    Account {
        id: id.to_owned(),
        login: Private::new(format!("login-{id}")),
        name: Private::new("Dr. Example Nobody".to_owned()),
        level,
        site: site.map(|site| site.parse().expect("an id")),
        role,
    }
}

fn hash() -> Private<String> {
    Private::new("$argon2id$".to_owned())
}

fn code(fault: Fault) -> Code {
    match fault {
        Fault::Refused(problem) => problem.code(),
        Fault::Database(error) => panic!("{error}"),
    }
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an id")
}

#[test]
fn a_centre_with_ninety_sites_is_imported_again_and_again() {
    let (data, database) = a_database("import");
    let ninety = alliance(90);
    let all = 1 + 3 * 90;
    assert_eq!(import(&database, &ninety).expect("good"), Imported { added: all, changed: 0, unchanged: 0 });
    assert_eq!(import(&database, &ninety).expect("good"), Imported { added: 0, changed: 0, unchanged: all });
    let renamed = ninety.replacen("Example hospital 7", "Another hospital", 1);
    assert_eq!(import(&database, &renamed).expect("good"), Imported { added: 0, changed: 1, unchanged: all - 1 });
    // what a smaller file does not say stays
    assert_eq!(import(&database, &alliance(1)).expect("good").added, 0);
    assert_eq!(tree::sites(&database).expect("readable").len(), 90);
    let other = ninety.replacen("id = \"centre\"", "id = \"elsewhere\"", 1);
    assert_eq!(code(import(&database, &other).expect_err("another alliance")), RegisterCode::BadFile);
    std::fs::remove_dir_all(data).expect("was made");
}

#[test]
fn an_import_leaves_grants_as_they_are() {
    let (data, database) = a_database("import");
    import(&database, &alliance(2)).expect("good");
    account::add(&database, &account("x", Level::Coordinator, None, Role::Expert), &hash()).expect("good");
    let mut granted = room::find(&database, &id("room-01")).expect("is there");
    granted.grants = vec![Grant { account: "x".to_owned(), role: Role::Lead }];
    room::put(&database, &granted).expect("good");
    import(&database, &alliance(2)).expect("good");
    assert_eq!(room::find(&database, &id("room-01")).expect("is there"), granted);
    std::fs::remove_dir_all(data).expect("was made");
}

#[test]
fn rooms_are_of_sites_that_there_are() {
    let (data, database) = a_database("rooms");
    import(&database, &alliance(4)).expect("good");
    let room = |sites: &[&str]| DeclaredRoom {
        id: id("new"),
        kind: RoomKind::Consultation,
        sites: sites.iter().map(|site| id(site)).collect(),
        grants: Vec::new(),
    };
    let refused = |sites: &[&str]| code(room::add(&database, &room(sites)).expect_err("must be refused"));
    assert_eq!(refused(&["site-99"]), RefusalCode::UnknownSite);
    assert_eq!(refused(&["site-01", "site-01"]), RefusalCode::BadMessage);
    assert_eq!(refused(&["site-01", "site-02", "site-03", "site-04"]), RefusalCode::TooManySites);
    let mut granted = room(&["site-01"]);
    granted.grants = vec![Grant { account: "nobody".to_owned(), role: Role::Expert }];
    assert_eq!(code(room::add(&database, &granted).expect_err("nobody")), RegisterCode::UnknownAccount);
    granted.grants[0].role = Role::Surgeon;
    assert_eq!(code(room::add(&database, &granted).expect_err("no site")), RefusalCode::BadMessage);
    room::add(&database, &room(&["site-01", "site-02"])).expect("good");
    assert_eq!(room::kind(&database, &id("new")).expect("readable"), Some(RoomKind::Consultation));
    assert_eq!(refused(&[]), RegisterCode::AlreadyExists);
    room::remove(&database, &id("new")).expect("is there");
    assert_eq!(code(room::find(&database, &id("new")).expect_err("gone")), RefusalCode::UnknownRoom);
    std::fs::remove_dir_all(data).expect("was made");
}

#[test]
fn there_is_always_an_administrator() {
    let (data, database) = a_database("accounts");
    import(&database, &alliance(1)).expect("good");
    let first = account("first", Level::Administrator, None, Role::Lead);
    account::add(&database, &first, &hash()).expect("good");
    assert_eq!(code(account::add(&database, &first, &hash()).expect_err("twice")), RegisterCode::AlreadyExists);
    let lower = Account { level: Level::Coordinator, ..first.clone() };
    for done in [account::change(&database, &lower), account::remove(&database, "first")] {
        assert_eq!(code(done.expect_err("the last")), RegisterCode::LastAdministrator);
        // as `Register` does, which rolls back what is refused
        database.execute("DELETE FROM account", []).expect("readable");
        account::add(&database, &first, &hash()).expect("good");
    }
    account::add(&database, &account("second", Level::Administrator, None, Role::Lead), &hash()).expect("good");
    account::change(&database, &lower).expect("there is another");
    assert_eq!(account::find(&database, "first").ok(), Some(lower));
    std::fs::remove_dir_all(data).expect("was made");
}

#[test]
fn accounts_are_of_somebody_somewhere() {
    let (data, database) = a_database("accounts");
    import(&database, &alliance(1)).expect("good");
    let refused = |account: &Account| code(account::add(&database, account, &hash()).expect_err("must be refused"));
    for (level, site, role) in [
        (Level::Member, None, Role::Expert),
        (Level::Coordinator, Some("site-01"), Role::Expert),
        (Level::Administrator, None, Role::Surgeon),
        (Level::Member, Some("site-01"), Role::Device),
        (Level::Member, Some("site-01"), Role::Service),
    ] {
        assert_eq!(refused(&account("x", level, site, role)), RefusalCode::BadMessage, "{level:?} {site:?} {role:?}");
    }
    let elsewhere = account("x", Level::Member, Some("site-02"), Role::Surgeon);
    assert_eq!(refused(&elsewhere), RefusalCode::UnknownSite);
    for (login, name) in [("", "A"), ("two words", "A"), ("x", " "), ("x", "a\u{7}"), ("Capital", "A")] {
        let mut bad = account("x", Level::Member, Some("site-01"), Role::Surgeon);
        (bad.login, bad.name) = (Private::new(login.to_owned()), Private::new(name.to_owned()));
        assert_eq!(refused(&bad), RefusalCode::BadMessage, "{login:?} {name:?}");
    }
    std::fs::remove_dir_all(data).expect("was made");
}

#[test]
fn a_login_is_known_by_its_secret_until_it_ends() {
    let (data, database) = a_database("logins");
    let one = account("one", Level::Administrator, None, Role::Lead);
    account::add(&database, &one, &hash()).expect("good");
    let secret = |number: usize| Private::new(format!("secret {number}"));
    let finds = |number: usize| login::find(&database, &login::hash(secret(number).reveal())).expect("readable");
    login::begin(&database, "one", &secret(0)).expect("good");
    assert_eq!(finds(0), Some(one));
    assert_eq!(finds(1), None);
    login::end(&database, &login::hash(secret(0).reveal())).expect("good");
    assert_eq!(finds(0), None);
    for number in 1..=100 {
        login::begin(&database, "one", &secret(number)).expect("good");
    }
    let all: i64 = database.query_row("SELECT count(*) FROM login", [], |row| row.get(0)).expect("readable");
    assert_eq!(all as usize, crate::limit::LOGINS_PER_ACCOUNT);
    database.execute("UPDATE login SET until_ms = 1", []).expect("good");
    assert!((1..=100).all(|number| finds(number).is_none()), "they are over");
    login::begin(&database, "one", &secret(200)).expect("good");
    let all: i64 = database.query_row("SELECT count(*) FROM login", [], |row| row.get(0)).expect("readable");
    assert_eq!(all, 1, "what is over is forgotten");
    account::set_password(&database, "one", &hash(), Some(&login::hash("another"))).expect("good");
    assert_eq!(finds(200), None, "a new password ends what was begun with the old one");
    std::fs::remove_dir_all(data).expect("was made");
}

#[test]
fn an_invite_is_exchanged_once_and_within_its_period() {
    let (data, database) = a_database("invites");
    import(&database, &alliance(2)).expect("good");
    let room: RoomId = id("room-01");
    let invite = |number: usize| Invite {
        id: format!("{number}"),
        room: room.clone(),
        role: Role::Expert,
        name: Private::new("Dr. Example Guest".to_owned()),
        from_ms: 1000,
        until_ms: 2000,
        used_ms: None,
        withdrawn_ms: None,
    };
    let secret = |number: usize| Private::new(format!("code {number}"));
    for number in 0..3 {
        invite::add(&database, &invite(number), &secret(number), 500).expect("good");
    }
    let exchange = |number: usize, now_ms| invite::exchange(&database, secret(number).reveal(), now_ms);
    for (now_ms, wanted) in [(999, RegisterCode::InviteExpired), (2000, RegisterCode::InviteExpired)] {
        assert_eq!(code(exchange(0, now_ms).expect_err("not its time")), wanted);
    }
    let used = exchange(0, 1000).expect("its time");
    assert_eq!(used, Invite { used_ms: Some(1000), ..invite(0) });
    for now_ms in [1000, 1999, 2001] {
        assert_eq!(code(exchange(0, now_ms).expect_err("again")), RegisterCode::InviteUsed);
    }
    assert_eq!(code(exchange(9, 1000).expect_err("nobody's")), RegisterCode::UnknownInvite);
    let withdraw = |room: &str, number: &str| invite::withdraw(&database, &id(room), number, 1500);
    assert_eq!(code(withdraw("room-02", "1").expect_err("another room's")), RegisterCode::UnknownInvite);
    assert_eq!(code(withdraw("room-01", "0").expect_err("used")), RegisterCode::InviteUsed);
    withdraw("room-01", "1").expect("is open");
    assert_eq!(code(exchange(1, 1500).expect_err("withdrawn")), RegisterCode::UnknownInvite);
    assert_eq!(code(withdraw("room-01", "1").expect_err("again")), RegisterCode::UnknownInvite);
    exchange(2, 1999).expect("its time still");
    std::fs::remove_dir_all(data).expect("was made");
}

#[test]
fn a_room_has_so_many_invites_and_forgets_those_that_are_over() {
    let (data, database) = a_database("invites");
    import(&database, &alliance(1)).expect("good");
    let add = |number: u64, until_ms: u64| {
        let invite = Invite {
            id: format!("{number}"),
            room: id("room-01"),
            role: Role::Trainee,
            name: Private::default(),
            from_ms: 0,
            until_ms,
            used_ms: None,
            withdrawn_ms: None,
        };
        invite::add(&database, &invite, &Private::new(format!("code {number}")), 1000)
    };
    for number in 0..crate::limit::INVITES_PER_ROOM as u64 {
        add(number, if number == 0 { 900 } else { 2000 }).expect("there is a place");
    }
    add(10_000, 2000).expect("one was over");
    assert_eq!(code(add(10_001, 2000).expect_err("all are open")), RefusalCode::TooMany);
    std::fs::remove_dir_all(data).expect("was made");
}

fn act(what: What) -> Act {
    Act { who: Some("somebody".to_owned()), address: Ipv4Addr::LOCALHOST.into(), what, target: None }
}

/// What is done and what is said of it go together; of what is refused nothing is left but that.
#[tokio::test]
async fn what_is_refused_is_not_half_done_and_stands_in_the_audit() {
    let data = a_directory("audit");
    let register = Register::start(&data).expect("a register");
    let text = alliance(1);
    let done = register.act(act(What::ImportSites), move |database| import(database, &text)).await;
    assert!(done.is_ok());
    let refused = register.act(act(What::DeleteAccount), |database| {
        database.execute("DELETE FROM room_site", [])?;
        Err::<(), _>(authority::not_allowed("Not this.").into())
    });
    assert_eq!(refused.await.expect_err("refused").code(), RefusalCode::NotAllowed);
    let shown = register.show(act(What::SeeRoom), |database| room::find(database, &id("room-01"))).await;
    assert_eq!(shown.expect("is there").sites, [id::<SiteId>("site-01")], "nothing was deleted");
    let shown = register.show(act(What::SeeRoom), |database| room::find(database, &id("room-02"))).await;
    assert_eq!(shown.expect_err("is not there").code(), RefusalCode::UnknownRoom);
    let kept = register.ask(|database| Ok(audit::newest(database, None, 10)?)).await.expect("readable");
    let said: Vec<(&str, &str)> = kept.iter().map(|entry| (entry.what.as_str(), entry.outcome.as_str())).collect();
    let wanted = [("see_room", "unknown_room"), ("delete_account", "not_allowed"), ("import_sites", "done")];
    assert_eq!(said, wanted, "newest first, and nothing of what was merely shown");
    let older = register.ask(|database| Ok(audit::newest(database, Some(2), 10)?)).await.expect("readable");
    assert_eq!(older.iter().map(|entry| entry.number).collect::<Vec<_>>(), [1]);
    std::fs::remove_dir_all(data).expect("was made");
}

/// A database that somebody else has locked keeps no room from opening, and nobody from seeing it.
#[tokio::test]
async fn a_locked_database_is_read_all_the_same() {
    let data = a_directory("locked");
    let register = Register::start(&data).expect("a register");
    let text = alliance(1);
    register.act(act(What::ImportSites), move |database| import(database, &text)).await.expect("good");
    let locking = Connection::open(database::path(&data)).expect("opens");
    locking.execute_batch("BEGIN IMMEDIATE").expect("locks");
    assert_eq!(register.kind_of(&id("room-01")).await.expect("readable"), Some(RoomKind::Guidance));
    assert!(register.show(act(What::SeeRoom), |database| room::find(database, &id("room-01"))).await.is_ok());
    let refused = register.act(act(What::Invite), |_| Ok(())).await.expect_err("cannot be kept");
    assert_eq!(refused.code(), RefusalCode::Internal);
    locking.execute_batch("ROLLBACK").expect("unlocks");
    register.act(act(What::Invite), |_| Ok(())).await.expect("can be kept");
    std::fs::remove_dir_all(data).expect("was made");
}
