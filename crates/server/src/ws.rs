//! `GET /ws`: the contract of `signaling/`, message by message.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::HeaderMap;
use axum::response::Response;
use room::{Door, Request};
use signaling::limit::{MESSAGE_BYTES, MESSAGES_PER_SECOND};
use signaling::{ClientMessage, CloseReason, Refusal, RefusalCode, RequestId, ServerMessage, VERSION, decode, encode};
use tokio::time::{Instant as TokioInstant, interval_at, timeout};

use crate::clock::since_1970;
use crate::directory::Presence;
use crate::limit::{Bucket, JOIN_TIMEOUT, PING_INTERVAL, REFUSED_IN_A_ROW, SILENCE_TIMEOUT, WRITE_TIMEOUT};
use crate::metric::reason_word;
use crate::order::Delivery;
use crate::problem::Problem;
use crate::quota::Account;
use crate::shared::Shared;

/// A message above the contract's limit is refused by name; one above this ends the connection unread.
const FRAME_BYTES: usize = 2 * MESSAGE_BYTES;

type Decoded = Result<(Option<RequestId>, ClientMessage), (Option<RequestId>, Refusal)>;

/// The upgrade.
pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    if !shared.allows_origin(&headers) {
        return Err(Problem::new(RefusalCode::NotAllowed, "Pages of this origin may not open WebSockets here."));
    }
    if shared.directory.is_closed() {
        return Err(Problem::new(RefusalCode::ShuttingDown, "The server is going down."));
    }
    let Ok(place) = shared.unjoined.clone().try_acquire_owned() else {
        return Err(Problem::new(RefusalCode::AtCapacity, "Too many connections that have not joined."));
    };
    let upgrade = upgrade.map_err(|_| Problem::new(RefusalCode::BadMessage, "This address speaks WebSocket only."))?;
    let upgrade = upgrade.max_message_size(FRAME_BYTES).max_frame_size(FRAME_BYTES);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let mut line = Line::new(socket, shared.clone());
        let joined = timeout(JOIN_TIMEOUT, line.join()).await.unwrap_or(Err(CloseReason::TimedOut));
        drop(place);
        match joined {
            Err(reason) => line.close(reason).await,
            Ok(mut presence) => {
                shared.metrics.came(Door::WebSocket);
                let reason = line.converse(&mut presence).await;
                shared.metrics.went(Door::WebSocket, reason);
                line.close(reason).await;
                // the client is counted until here, so that a shutdown waits for its goodbye
                presence.leave(reason);
            }
        }
    }))
}

/// One client's WebSocket.
struct Line {
    socket: WebSocket,
    shared: Arc<Shared>,
    messages: Bucket,
    /// Its subject's, once it has joined.
    account: Option<Account>,
    refused_in_a_row: u32,
    heard_at: Instant,
    closed_said: bool,
}

impl Line {
    fn new(socket: WebSocket, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        let messages = Bucket::new(now, MESSAGES_PER_SECOND, 2 * MESSAGES_PER_SECOND);
        Self { socket, shared, messages, account: None, refused_in_a_row: 0, heard_at: now, closed_said: false }
    }

    /// Rule J1: the first message must be `join`.
    async fn join(&mut self) -> Result<Presence, CloseReason> {
        let first = self.hear().await?;
        let (re, refusal) = match first {
            Ok((re, ClientMessage::Join { version, token })) => {
                let entered = if version == VERSION {
                    match self.shared.keys.verify(token.reveal()) {
                        Ok(admission) => {
                            let account = self.shared.quota.account(Instant::now(), &admission.identity);
                            let may = account.join(Instant::now());
                            self.account = Some(account);
                            let directory = &self.shared.directory;
                            match may {
                                Ok(()) => {
                                    directory.enter(admission.room, admission.identity, Door::WebSocket, re).await
                                }
                                Err(refusal) => Err(refusal),
                            }
                        }
                        Err(refusal) => Err(refusal),
                    }
                } else {
                    Err(Refusal::new(RefusalCode::WrongVersion, format!("This server speaks version {VERSION}.")))
                };
                match entered {
                    Ok(presence) => return Ok(presence),
                    Err(refusal) => (re, refusal),
                }
            }
            Ok((re, _)) => (re, Refusal::new(RefusalCode::NotJoined, "The first message must be join.")),
            Err((re, refusal)) => (re, refusal),
        };
        self.refuse(re, refusal, None).await?;
        Err(CloseReason::Refused)
    }

    /// Until one side has had enough.
    async fn converse(&mut self, presence: &mut Presence) -> CloseReason {
        let mut pings = interval_at(TokioInstant::now() + PING_INTERVAL, PING_INTERVAL);
        loop {
            let done = tokio::select! {
                delivery = presence.next() => match delivery {
                    Delivery::Message(message) => self.say(&message, Some(presence)).await,
                    Delivery::Closed(reason) => Err(reason),
                },
                heard = self.hear() => match heard {
                    Ok(decoded) => self.heed(decoded, presence).await,
                    Err(reason) => Err(reason),
                },
                _ = pings.tick() => {
                    if self.heard_at.elapsed() >= SILENCE_TIMEOUT {
                        Err(CloseReason::TimedOut)
                    } else {
                        self.send(Message::Ping(Default::default()), Some(presence)).await
                    }
                }
            };
            if let Err(reason) = done {
                return reason;
            }
        }
    }

    /// The next message, decoded. May be given up at any time without losing one.
    async fn hear(&mut self) -> Result<Decoded, CloseReason> {
        loop {
            // an error is a broken connection or a frame above all limits
            let Some(Ok(message)) = self.socket.recv().await else { return Err(CloseReason::Left) };
            self.heard_at = Instant::now();
            match message {
                Message::Text(text) => {
                    self.shared.metrics.message_in();
                    return Ok(decode(&text));
                }
                Message::Binary(_) => {
                    return Ok(Err((None, Refusal::new(RefusalCode::BadMessage, "Messages are text."))));
                }
                // counted like messages, for they cost an answer
                Message::Ping(_) if !self.messages.take(self.heard_at) => return Err(CloseReason::Refused),
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(_) => return Err(CloseReason::Left),
            }
        }
    }

    async fn heed(&mut self, decoded: Decoded, presence: &mut Presence) -> Result<(), CloseReason> {
        let (re, refusal) = match decoded {
            _ if !self.messages.take(Instant::now()) => {
                let re = decoded.map_or_else(|(re, _)| re, |(re, _)| re);
                (re, Refusal::new(RefusalCode::TooMany, "Too many messages; slow down."))
            }
            Ok((re, ClientMessage::Join { .. })) => {
                (re, Refusal::new(RefusalCode::AlreadyJoined, "This connection has joined already."))
            }
            Ok((re, ClientMessage::Ping { at_ms })) => {
                self.refused_in_a_row = 0;
                return self.say(&ServerMessage::Ponged { re, at_ms, server_ms: server_ms() }, Some(presence)).await;
            }
            Ok((re, message)) => match self.note_offer(&message) {
                Ok(()) => {
                    self.refused_in_a_row = 0;
                    presence.say(re, message).await;
                    return Ok(());
                }
                Err(refusal) => (re, refusal),
            },
            Err(refused) => refused,
        };
        self.refuse(re, refusal, Some(presence)).await
    }

    /// Counts a message that is an offer.
    fn note_offer(&self, message: &ClientMessage) -> Result<(), Refusal> {
        match &self.account {
            Some(account) if Request::takes_long(message) => account.offer(Instant::now()),
            _ => Ok(()),
        }
    }

    async fn refuse(
        &mut self,
        re: Option<RequestId>,
        refusal: Refusal,
        presence: Option<&mut Presence>,
    ) -> Result<(), CloseReason> {
        self.shared.metrics.refused(Door::WebSocket, refusal.code);
        self.refused_in_a_row += 1;
        if self.refused_in_a_row > REFUSED_IN_A_ROW {
            return Err(CloseReason::Refused);
        }
        let Refusal { code, message } = refusal;
        self.say(&ServerMessage::Refused { re, code, message }, presence).await
    }

    async fn say(&mut self, message: &ServerMessage, presence: Option<&mut Presence>) -> Result<(), CloseReason> {
        self.closed_said |= matches!(message, ServerMessage::Closed { .. });
        self.shared.metrics.message_out();
        self.send(Message::Text(encode(message).into()), presence).await
    }

    /// Sends one frame; a client that does not take it, or lets too many wait behind it, is a slow consumer.
    async fn send(&mut self, frame: Message, presence: Option<&mut Presence>) -> Result<(), CloseReason> {
        let client = presence.as_ref().map(|presence| presence.client.0);
        let overflowed = async {
            match presence {
                Some(presence) => presence.overflowed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            sent = timeout(WRITE_TIMEOUT, self.socket.send(frame)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(CloseReason::Left),
                Err(_) => {
                    tracing::warn!(client, "slow consumer");
                    Err(CloseReason::SlowConsumer)
                }
            },
            () = overflowed => Err(CloseReason::SlowConsumer),
        }
    }

    /// Rule J5: `closed` is the last message; then the WebSocket's own goodbye, with the reason's word.
    async fn close(mut self, reason: CloseReason) {
        let goodbye = async {
            if !self.closed_said {
                self.say(&ServerMessage::Closed { reason }, None).await?;
            }
            let word = Utf8Bytes::from_static(reason_word(reason));
            let close = CloseFrame { code: code(reason), reason: word };
            self.send(Message::Close(Some(close)), None).await?;
            // the peer's answer says that it has everything; closed before that, the system may throw the rest away
            while let Some(Ok(_)) = self.socket.recv().await {}
            Ok::<(), CloseReason>(())
        };
        if timeout(std::time::Duration::from_secs(1), goodbye).await.is_err() {
            tracing::debug!("a client did not take its goodbye");
        }
    }
}

/// The close code (RFC 6455 section 7.4).
fn code(reason: CloseReason) -> u16 {
    match reason {
        CloseReason::Left | CloseReason::Ended => close_code::NORMAL,
        CloseReason::SlowConsumer | CloseReason::TimedOut | CloseReason::Refused => close_code::POLICY,
        CloseReason::TurnedAway | CloseReason::Removed => close_code::POLICY,
        CloseReason::ShuttingDown => close_code::AWAY,
        CloseReason::Internal => close_code::ERROR,
    }
}

fn server_ms() -> f64 {
    since_1970().as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_close_frame_says_the_word_of_the_contract() {
        use CloseReason::{Ended, Internal, Left, Refused, Removed, ShuttingDown, SlowConsumer, TimedOut, TurnedAway};
        for reason in [Left, SlowConsumer, TimedOut, Refused, ShuttingDown, Internal, TurnedAway, Removed, Ended] {
            assert_eq!(serde_json::to_value(reason).expect("a word"), reason_word(reason));
        }
    }
}
