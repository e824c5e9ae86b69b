//! Passwords: hashed by argon2id with the parameters that OWASP names, one at a time, on a thread of its own.

use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use signaling::{Private, RefusalCode};
use tokio::sync::oneshot;

use crate::limit::{PASSWORD_BYTES, PASSWORD_CHARACTERS, PASSWORDS_WAITING};
use crate::problem::{Problem, RegisterCode};

/// 19 MiB, two passes, one lane: the least that the OWASP Password Storage Cheat Sheet asks of argon2id. It takes some
/// 20 ms of a core.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// After a wrong password the thread rests for so many times as long as it has worked: who guesses, from however many
/// addresses, costs a fifth of a core.
const REST: u32 = 4;

/// What is asked of the thread.
enum Task {
    Hash(Private<String>, oneshot::Sender<Option<Private<String>>>),
    /// Is this the password that the hash is of? Without a hash the answer is no, and takes as long.
    Check(Private<String>, Option<Private<String>>, oneshot::Sender<bool>),
}

/// The way to the thread that hashes.
#[derive(Clone)]
pub struct Passwords(SyncSender<Task>);

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords")
    }
}

impl Passwords {
    /// Starts the thread; it ends with the last way to it.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start() -> std::io::Result<Self> {
        let (tasks, inbox) = sync_channel(PASSWORDS_WAITING);
        thread::Builder::new().name("passwords".to_owned()).spawn(move || work(&inbox))?;
        Ok(Self(tasks))
    }

    /// The hash of a new password, as a PHC string.
    ///
    /// # Errors
    /// `bad_password` when it is too short or too long, `at_capacity` when too many wait.
    pub(crate) async fn hash(&self, password: Private<String>) -> Result<Private<String>, Problem> {
        let (characters, bytes) = (password.reveal().chars().count(), password.reveal().len());
        if characters < PASSWORD_CHARACTERS || bytes > PASSWORD_BYTES {
            let sentence = format!(
                "A password has at least {PASSWORD_CHARACTERS} characters, and at most {PASSWORD_BYTES} bytes."
            );
            return Err(Problem::new(RegisterCode::BadPassword, sentence));
        }
        let (asker, answer) = oneshot::channel();
        self.give(Task::Hash(password, asker))?;
        answer.await.ok().flatten().ok_or_else(failed)
    }

    /// True if this is the password that the hash is of. Takes as long where there is no hash.
    ///
    /// # Errors
    /// `at_capacity` when too many wait.
    pub(crate) async fn is(&self, password: Private<String>, hash: Option<Private<String>>) -> Result<bool, Problem> {
        let (asker, answer) = oneshot::channel();
        self.give(Task::Check(password, hash, asker))?;
        answer.await.map_err(|_| failed())
    }

    fn give(&self, task: Task) -> Result<(), Problem> {
        let busy = |_| Problem::new(RefusalCode::AtCapacity, "Too many passwords wait to be checked; try again.");
        self.0.try_send(task).map_err(busy)
    }
}

fn failed() -> Problem {
    Problem::new(RefusalCode::Internal, "The password could not be hashed.")
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn work(inbox: &Receiver<Task>) {
    let argon2 = argon2();
    let hash = |password: &str| argon2.hash_password(password.as_bytes()).ok().map(|hash| hash.to_string());
    // what the password of somebody who is not there is compared with
    let of_nobody = hash("").unwrap_or_default();
    for task in inbox {
        match task {
            Task::Hash(password, asker) => {
                // nobody hears it whose request has ended meanwhile; nor below
                let _heard: Result<(), _> = asker.send(hash(password.reveal()).map(Private::new));
            }
            Task::Check(_, _, asker) if asker.is_closed() => {}
            Task::Check(password, hash, asker) => {
                let begun = Instant::now();
                let known = hash.as_ref().map_or(of_nobody.as_str(), |hash| hash.reveal());
                let fits = PasswordHash::new(known)
                    .is_ok_and(|known| argon2.verify_password(password.reveal().as_bytes(), &known).is_ok());
                let is_right = fits && hash.is_some();
                let took = begun.elapsed();
                let _heard: Result<(), _> = asker.send(is_right);
                if !is_right {
                    rest(took);
                }
            }
        }
    }
}

fn rest(took: Duration) {
    thread::sleep(took * REST);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private(text: &str) -> Private<String> {
        Private::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let passwords = Passwords::start().expect("a thread");
        let good = private("correct horse battery");
        let hash = passwords.hash(good.clone()).await.expect("long enough");
        assert!(hash.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "as OWASP asks");
        assert_ne!(hash, passwords.hash(good.clone()).await.expect("long enough"), "each has its salt");
        assert_eq!(passwords.is(good.clone(), Some(hash.clone())).await.ok(), Some(true));
        assert_eq!(passwords.is(private("correct horse batterx"), Some(hash)).await.ok(), Some(false));
        assert_eq!(passwords.is(good, None).await.ok(), Some(false));
        assert_eq!(passwords.is(private(""), None).await.ok(), Some(false), "nobody has no password");
    }

    #[tokio::test]
    async fn short_and_endless_passwords_are_refused_before_they_are_hashed() {
        let passwords = Passwords::start().expect("a thread");
        for bad in ["short", &"x".repeat(PASSWORD_BYTES + 1)] {
            let problem = passwords.hash(private(bad)).await.expect_err("must be refused");
            assert_eq!(problem.code(), RegisterCode::BadPassword);
        }
    }

    #[tokio::test]
    async fn more_than_can_wait_are_turned_away() {
        let passwords = Passwords::start().expect("a thread");
        let ask = || passwords.is(private("wrong"), None);
        let answers = futures_util::future::join_all((0..PASSWORDS_WAITING * 4).map(|_| ask())).await;
        let turned_away = answers.iter().filter(|answer| answer.is_err()).count();
        assert!(turned_away >= PASSWORDS_WAITING * 2, "{turned_away}");
        assert!(answers.iter().flatten().all(|is_right| !is_right));
    }
}
