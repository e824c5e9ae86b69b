//! A WHEP player: what the server sends of one feed and its voice, packet by packet.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use rtc::rtp::Packet;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::{mpsc, watch};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use crate::assembler::begins_keyframe;
use crate::connection::{ABS_CAPTURE_TIME, Connection, ConnectionState};
use crate::sequence::{Arrival, LOST_AT_BEGINNING, SequenceLog};
use crate::session::Session;
use crate::{Error, Target};

/// Packets that may wait for whoever reads them: several seconds of a feed. What comes on top is dropped and counted.
const WAITING_PACKETS: usize = 8192;

/// What a packet belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// The feed.
    Video,
    /// The voice.
    Voice,
}

/// One RTP packet, each only once, in the order of arrival.
#[derive(Debug, Clone)]
pub struct ReceivedPacket {
    /// What it belongs to.
    pub media: MediaKind,
    /// Its sequence number without wrap-around.
    pub sequence: u64,
    /// Its RTP timestamp.
    pub timestamp: u32,
    /// The last packet of a picture.
    pub marker: bool,
    /// The payload, decrypted.
    pub payload: Bytes,
    /// The capture time that it carries (abs-capture-time, NTP's 64 bits), if it does.
    pub captured_ntp: Option<u64>,
    /// When it came.
    pub received: Instant,
}

/// How a track has fared so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Different packets that came.
    pub received: u64,
    /// Packets that came again: retransmissions that were not needed.
    pub duplicates: u64,
    /// Sequence numbers between the first and the highest that have not come (yet).
    pub missing: u64,
    /// Packets that nobody read in time.
    pub unread: u64,
}

/// A WHEP session, from the moment its media path is up until it is closed, dropped or lost.
pub struct Player {
    session: Session,
    connection: Connection,
    packets: mpsc::Receiver<ReceivedPacket>,
    logs: Arc<[Mutex<Log>; 2]>,
}

struct Log {
    counts: Counts,
    sequence: SequenceLog,
}

impl Player {
    /// Connects and plays: one video and one audio, both only received.
    pub async fn connect(target: &Target) -> Result<Self, Error> {
        let (mut connection, tracks) = Connection::new(target).await?;
        for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
            let direction = RTCRtpTransceiverDirection::Recvonly;
            let init = RTCRtpTransceiverInit { direction, ..Default::default() };
            connection.peer.add_transceiver_from_kind(kind, Some(init)).await.map_err(Error::Negotiate)?;
        }
        let (out, packets) = mpsc::channel(WAITING_PACKETS);
        let logs: Arc<[Mutex<Log>; 2]> =
            Arc::new([(); 2].map(|()| Mutex::new(Log { counts: Counts::default(), sequence: SequenceLog::new() })));
        let (answer_out, answer) = watch::channel(None);
        tokio::spawn(receive(tracks, out, Arc::clone(&logs), answer));
        let (session, answer) = connection.negotiate(target).await?;
        answer_out.send_replace(extension_id(&answer, ABS_CAPTURE_TIME).or(Some(0)));
        Ok(Self { session, connection, packets, logs })
    }

    /// The next packet; none after the end.
    pub async fn next(&mut self) -> Option<ReceivedPacket> {
        self.packets.recv().await
    }

    /// What has come of the feed or of the voice.
    pub fn counts(&self, media: MediaKind) -> Counts {
        let log = self.logs[media as usize].lock().unwrap_or_else(PoisonError::into_inner);
        Counts { missing: log.sequence.missing(), ..log.counts }
    }

    /// The state of the connection, to look at or to wait for.
    pub fn state(&self) -> watch::Receiver<ConnectionState> {
        self.connection.state()
    }

    /// Ends the session on the server, then the connection.
    pub async fn close(self) -> Result<(), Error> {
        let ended = self.session.close().await;
        self.connection.peer.close().await.map_err(Error::Negotiate)?;
        ended
    }
}

/// The id that an answer gives to a header extension.
fn extension_id(answer: &str, uri: &str) -> Option<u8> {
    answer.lines().filter_map(|line| line.trim().strip_prefix("a=extmap:")).find_map(|line| {
        let (id, rest) = line.split_once(' ')?;
        (rest.split(' ').next() == Some(uri)).then(|| id.split('/').next()?.parse().ok())?
    })
}

async fn receive(
    mut tracks: mpsc::UnboundedReceiver<Arc<dyn TrackRemote>>,
    out: mpsc::Sender<ReceivedPacket>,
    logs: Arc<[Mutex<Log>; 2]>,
    capture_time: watch::Receiver<Option<u8>>,
) {
    while let Some(track) = tracks.recv().await {
        let (out, logs, capture_time) = (out.clone(), Arc::clone(&logs), capture_time.clone());
        tokio::spawn(async move {
            let media = match track.kind().await {
                RtpCodecKind::Video => MediaKind::Video,
                _ => MediaKind::Voice,
            };
            let mut first = true;
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    if std::mem::take(&mut first) && media == MediaKind::Video && !begins_keyframe(&packet.payload) {
                        ask_for_beginning(track.as_ref(), &packet).await;
                    }
                    let id = capture_time.borrow().unwrap_or(0);
                    note(media, packet, id, &logs[media as usize], &out);
                }
            }
        });
    }
}

/// Asks once more for the packets before the first. A server that sends a keyframe at once may send it so close behind
/// the last word of the DTLS handshake that the `webrtc` crate reads both at once and drops what it has no keys for
/// yet; and its NACKs never go back to before the first packet that it saw.
async fn ask_for_beginning(track: &dyn TrackRemote, first: &Packet) {
    // A pair names a number and, in bits, the sixteen right after it (RFC 4585 section 6.2.1).
    let pair = |back: u16| {
        let packet_id = first.header.sequence_number.wrapping_sub(back);
        NackPair { packet_id, lost_packets: u16::MAX }
    };
    let nacks = (1..=LOST_AT_BEGINNING / 17).rev().map(|pairs| pair(pairs * 17)).collect();
    let nack = TransportLayerNack { sender_ssrc: 0, media_ssrc: first.header.ssrc, nacks };
    // If the connection is gone already, whoever reads packets will see it.
    track.write_rtcp(vec![Box::new(nack)]).await.ok();
}

/// Counts one packet and passes it on if it is new.
fn note(media: MediaKind, packet: Packet, capture_time: u8, log: &Mutex<Log>, out: &mpsc::Sender<ReceivedPacket>) {
    let Packet { header, payload } = packet;
    if payload.is_empty() {
        return; // padding, which probes for bandwidth; it still has a number of its own
    }
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    let Arrival::New(sequence) = log.sequence.record(header.sequence_number) else {
        log.counts.duplicates += 1;
        return;
    };
    log.counts.received += 1;
    let captured = header.get_extension(capture_time).and_then(|bytes| bytes.get(..8)?.try_into().ok());
    let packet = ReceivedPacket {
        media,
        sequence,
        timestamp: header.timestamp,
        marker: header.marker,
        payload,
        captured_ntp: captured.map(u64::from_be_bytes),
        received: Instant::now(),
    };
    if out.try_send(packet).is_err() {
        log.counts.unread += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_is_found_by_its_uri() {
        let answer = format!("v=0\r\na=extmap:3/sendrecv urn:x\r\na=extmap:7 {ABS_CAPTURE_TIME}\r\n");
        assert_eq!(extension_id(&answer, ABS_CAPTURE_TIME), Some(7));
        assert_eq!(extension_id(&answer, "urn:x"), Some(3));
        assert_eq!(extension_id(&answer, "urn:y"), None);
    }
}
