//! A WHIP or WHEP session as an HTTP resource: a client of its room that speaks the same messages as a WebSocket.
//!
//! A task of its own holds the client's presence and takes the resource's requests one after the other.

use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;
use room::{Door, Identity};
use signaling::client::{Connection, OfSite};
use signaling::limit::MESSAGES_PER_SECOND;
use signaling::{
    ClientMessage, CloseReason, FeedChoice, FeedOffer, Private, RefusalCode, RequestId, Role, RoomId, ServerMessage,
    Slot, VoiceOffer,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::directory::Presence;
use crate::limit::{ANSWER_TIMEOUT, Bucket, PLACE_ASKED_FOR_EVERY, PLACE_AWAITED, SESSIONS_PER_SUBJECT, SILENT_AFTER};
use crate::order::Delivery;
use crate::problem::Problem;
use crate::quota::{Account, Share};
use crate::sdpfrag::{Credentials, Fragment, restarted};
use crate::shared::Shared;
use crate::token::{Admission, random_id};

mod place;
mod table;

use place::{Loan, Place, Return};
pub(crate) use table::Resources;

/// Requests that may wait for one session.
const DEMANDS: usize = 8;
/// The request that is the coming in; those after it count up from 1.
const JOIN: Option<RequestId> = Some(RequestId(0));

/// What its offer is for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// WHIP.
    Publish {
        /// At most one, for the first video m-line.
        feeds: Vec<FeedOffer>,
        /// Whether there is an audio m-line.
        voice: Option<VoiceOffer>,
    },
    /// WHEP.
    Receive {
        /// The mid of the first video m-line, if there is one.
        slots: Vec<String>,
        /// The mids of the audio m-lines.
        voices: Vec<String>,
        /// What to show.
        choice: Option<OfSite>,
    },
}

impl Purpose {
    fn message(&self, sdp: String) -> ClientMessage {
        match self.clone() {
            Self::Publish { feeds, voice } => ClientMessage::Publish { sdp, feeds, voice },
            Self::Receive { slots, voices, .. } => ClientMessage::Receive { sdp, slots, voices },
        }
    }

    fn door(&self) -> Door {
        match self {
            Self::Publish { .. } => Door::Whip,
            Self::Receive { .. } => Door::Whep,
        }
    }

    fn connection(&self) -> Connection {
        match self {
            Self::Publish { .. } => Connection::Publish,
            Self::Receive { .. } => Connection::Receive,
        }
    }
}

/// A new session, for the 201.
pub(crate) struct Begun {
    /// Its identifier, which nobody can guess.
    pub(crate) id: String,
    /// The entity tag of its ICE session.
    pub(crate) etag: String,
    /// The SDP answer.
    pub(crate) answer: String,
}

/// What a PATCH did.
#[derive(Debug)]
pub(crate) enum Patched {
    /// Candidates were added.
    Trickled,
    /// ICE was restarted.
    Restarted {
        /// The server's new credentials and candidates.
        fragment: String,
        /// The entity tag of the new ICE session.
        etag: String,
    },
}

enum Demand {
    Patch {
        if_match: Option<String>,
        fragment: Fragment,
        done: oneshot::Sender<Result<Patched, Problem>>,
    },
    Delete {
        done: oneshot::Sender<()>,
    },
    /// Answered by a session that is silent and has its place, and by no other.
    Lend {
        done: oneshot::Sender<Loan>,
    },
}

/// The way to a session's task.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    room: RoomId,
    door: Door,
    token: Private<String>,
    subject: Private<String>,
    begun_at: Instant,
    demands: mpsc::Sender<Demand>,
}

impl Resource {
    /// True when this is the very token that the session was begun with. Good for as long as the session lives, so
    /// that an operation may last longer than a token.
    pub(crate) fn was_begun_with(&self, token: &str) -> bool {
        token == self.token.reveal()
    }

    /// True for whoever the session is of, with a newer token perhaps, and for the lead, who may end anything.
    pub(crate) fn is_open_to(&self, identity: &Identity) -> bool {
        identity.subject == self.subject || identity.role == Role::Lead
    }

    /// Adds candidates or restarts ICE.
    pub(crate) async fn patch(&self, if_match: Option<String>, fragment: Fragment) -> Result<Patched, Problem> {
        let (done, answer) = oneshot::channel();
        let gone = || Problem::new(RefusalCode::UnknownSession, "The session is over.");
        self.demands.send(Demand::Patch { if_match, fragment, done }).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Ends the session; false when it was over already.
    pub(crate) async fn delete(&self) -> bool {
        let (done, answer) = oneshot::channel();
        self.demands.send(Demand::Delete { done }).await.is_ok() && answer.await.is_ok()
    }
}

struct Session {
    presence: Presence,
    purpose: Purpose,
    offer: String,
    remote: Option<Credentials>,
    etag: String,
    patches: Bucket,
    last_request: u32,
    account: Account,
}

/// Begins a session; on any error nothing is left of it, and nobody has given way to it.
pub(crate) async fn begin(
    shared: &Arc<Shared>,
    admission: Admission,
    token: Private<String>,
    purpose: Purpose,
    offer: String,
) -> Result<Begun, Problem> {
    let no_randomness = |_| Problem::new(RefusalCode::Internal, "The server has no randomness.");
    let id = random_id().map_err(no_randomness)?;
    let etag = new_etag().map_err(no_randomness)?;
    let remote = Fragment::parse(&offer).map_err(|refusal| Problem::new(RefusalCode::BadSdp, refusal.message))?;
    let door = purpose.door();
    let Admission { room, identity } = admission;
    let subject = identity.subject.clone();
    let account = shared.quota.account(Instant::now(), &identity);
    account.offer(Instant::now())?;
    let loan = match account.share() {
        Some(share) => Loan::free(share),
        None => shared.resources.borrow(&subject).await.ok_or_else(too_many_sessions)?,
    };
    let presence = shared.directory.enter(room.clone(), identity, door, (JOIN, None)).await?;
    let now = Instant::now();
    let mut session = Session {
        presence,
        purpose,
        offer,
        remote: remote.credentials,
        etag: etag.clone(),
        patches: Bucket::new(now, MESSAGES_PER_SECOND, 2 * MESSAGES_PER_SECOND),
        last_request: 0,
        account,
    };
    let answer = session.first_offer().await?;
    session.watch().await?;
    let share = loan.keep().await.ok_or_else(too_many_sessions)?;
    shared.metrics.came(door);
    let (demands, requests) = mpsc::channel(DEMANDS);
    shared.resources.put(id.clone(), Resource { room, door, token, subject, begun_at: now, demands });
    tokio::spawn(session.live(share, requests, shared.clone(), id.clone()));
    Ok(Begun { id, etag, answer })
}

fn too_many_sessions() -> Problem {
    let sentence = format!("One subject has at most {SESSIONS_PER_SUBJECT} sessions at a time; end one first.");
    Problem::new(RefusalCode::TooMany, sentence)
}

impl Session {
    /// Until it is deleted, its room lets it go, or its connection dies.
    async fn live(mut self, share: Share, mut requests: mpsc::Receiver<Demand>, shared: Arc<Shared>, id: String) {
        let mut place = Place::Own(share);
        let reason = loop {
            tokio::select! {
                delivery = self.presence.next() => match delivery {
                    Delivery::Closed(reason) => break reason,
                    // WHIP and WHEP know no second offer on a session: the client begins another
                    Delivery::Message(ServerMessage::Disconnected { .. }) => break CloseReason::TimedOut,
                    Delivery::Message(_) => {}
                },
                demand = requests.recv() => match demand {
                    Some(Demand::Patch { if_match, fragment, done }) => {
                        let patched = self.patch(if_match, fragment).await;
                        // when the client has gone away meanwhile there is nobody to tell
                        let _gone: Result<(), _> = done.send(patched);
                    }
                    Some(Demand::Delete { done }) => {
                        shared.resources.remove(&id);
                        let _gone: Result<(), _> = done.send(());
                        break CloseReason::Left;
                    }
                    Some(Demand::Lend { done }) => {
                        if self.is_silent().await && let Some(loan) = place.lend() {
                            // when who wanted it has gone away it comes back at once
                            let _gone: Result<(), Loan> = done.send(loan);
                        }
                    }
                    None => break CloseReason::Left,
                },
                Return { share, keeper } = place.returned() => {
                    let unwanted = match keeper {
                        Some(keeper) if self.is_silent().await => keeper.send(share).err(),
                        _ => Some(share),
                    };
                    let Some(share) = unwanted else {
                        tracing::info!(client = self.presence.client.0, "silent, and gives way");
                        break CloseReason::TimedOut;
                    };
                    place = Place::Own(share);
                }
            }
        };
        shared.resources.remove(&id);
        shared.metrics.went(self.purpose.door(), reason);
        self.presence.leave(reason);
    }

    /// True when nothing has come from its peer for so long that its place may go to another.
    async fn is_silent(&self) -> bool {
        self.presence.heard_at().await.is_some_and(|at| at.elapsed() >= SILENT_AFTER)
    }

    /// A box that was killed and is back at once finds its site full: of what it sent before it is only known a moment later
    /// that it has stopped, and that this may have its place (rule P2).
    async fn first_offer(&mut self) -> Result<String, Problem> {
        let begun = Instant::now();
        loop {
            let answered = self.offer(self.offer.clone()).await;
            let is_full = answered.as_ref().is_err_and(|problem| problem.code() == RefusalCode::TooManyFeeds);
            if !is_full || begun.elapsed() >= PLACE_AWAITED {
                return answered;
            }
            sleep(PLACE_ASKED_FOR_EVERY).await;
        }
    }

    async fn offer(&mut self, sdp: String) -> Result<String, Problem> {
        let message = self.purpose.message(sdp);
        match self.ask(message).await? {
            ServerMessage::Published { sdp, .. } | ServerMessage::Received { sdp, .. } => Ok(sdp),
            _ => Err(Problem::new(RefusalCode::Internal, "The room gave another answer than expected.")),
        }
    }

    async fn watch(&mut self) -> Result<(), Problem> {
        let Purpose::Receive { choice: Some(choice), .. } = &self.purpose else { return Ok(()) };
        let choice = Some(FeedChoice::OfSite(choice.clone()));
        self.ask(ClientMessage::Watch { slot: Slot(0), choice }).await.map(|_| ())
    }

    /// Says something and waits for the answer to it; whatever else the room says is passed over.
    async fn ask(&mut self, message: ClientMessage) -> Result<ServerMessage, Problem> {
        self.last_request += 1;
        let request = Some(RequestId(self.last_request));
        self.presence.say(request, message).await;
        let answer = async {
            loop {
                match self.presence.next().await {
                    Delivery::Message(ServerMessage::Refused { re, code, message }) if re == request || re == JOIN => {
                        return Err(Problem::new(code, message));
                    }
                    Delivery::Message(message) if re(&message) == request => return Ok(message),
                    Delivery::Message(_) => {}
                    Delivery::Closed(CloseReason::ShuttingDown) => {
                        return Err(Problem::new(RefusalCode::ShuttingDown, "The server is going down."));
                    }
                    Delivery::Closed(_) => return Err(Problem::new(RefusalCode::Internal, "The room has closed.")),
                }
            }
        };
        let late = |_| Err(Problem::new(RefusalCode::Internal, "The room did not answer in time."));
        timeout(ANSWER_TIMEOUT, answer).await.unwrap_or_else(late)
    }

    /// RFC 9725 section 4.3.1: `If-Match` says which ICE session is meant, `*` that a new one is to begin.
    async fn patch(&mut self, if_match: Option<String>, fragment: Fragment) -> Result<Patched, Problem> {
        if !self.patches.take(Instant::now()) {
            return Err(Problem::new(RefusalCode::TooMany, "Too many requests; send candidates together."));
        }
        let Some(if_match) = if_match else {
            let problem = Problem::new(RefusalCode::WrongEtag, "If-Match must name the session's entity tag.");
            return Err(problem.with_status(StatusCode::PRECONDITION_REQUIRED));
        };
        let any = matches!(if_match.trim(), "*" | "\"*\"");
        if !any && !if_match.split(',').any(|tag| tag.trim() == self.etag) {
            return Err(Problem::new(RefusalCode::WrongEtag, "The entity tag is not that of the current ICE session."));
        }
        match fragment.credentials.clone() {
            Some(credentials) if self.remote.as_ref() != Some(&credentials) => {
                if !any {
                    let sentence = "New credentials restart ICE, which wants If-Match: *.";
                    return Err(Problem::new(RefusalCode::BadCandidate, sentence));
                }
                self.account.offer(Instant::now())?;
                self.restart(credentials, &fragment.candidates).await
            }
            _ => {
                self.trickle(fragment).await;
                Ok(Patched::Trickled)
            }
        }
    }

    /// Candidates that the server cannot use are passed over by the room; none of them is an error (section 4.3.1).
    async fn trickle(&mut self, fragment: Fragment) {
        let connection = self.purpose.connection();
        let end = fragment.ended.then(String::new);
        for candidate in fragment.candidates.into_iter().chain(end) {
            self.presence.say(None, ClientMessage::Candidate { connection, candidate }).await;
        }
    }

    /// On an error the session goes on as it was.
    async fn restart(&mut self, credentials: Credentials, candidates: &[String]) -> Result<Patched, Problem> {
        let etag = new_etag().map_err(|_| Problem::new(RefusalCode::Internal, "The server has no randomness."))?;
        let again = restarted(&self.offer, &credentials, candidates);
        let answer = self.offer(again.clone()).await?;
        let fragment = Fragment::parse(&answer)?;
        self.offer = again;
        self.remote = Some(credentials);
        self.etag.clone_from(&etag);
        Ok(Patched::Restarted { fragment: fragment.write(), etag })
    }
}

/// A strong entity tag with its quotes.
fn new_etag() -> Result<String, getrandom::Error> {
    Ok(format!("\"{:016x}\"", getrandom::u64()?))
}

/// The request that a message answers.
fn re(message: &ServerMessage) -> Option<RequestId> {
    match message {
        ServerMessage::Published { re, .. }
        | ServerMessage::Received { re, .. }
        | ServerMessage::Watched { re, .. } => *re,
        _ => None,
    }
}
