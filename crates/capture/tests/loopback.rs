//! A clip goes to a server and comes back: every frame, its number, its time, its sound.

#![allow(clippy::unwrap_used, reason = "a test that fails here has failed")]

mod relay;

use std::time::Duration;

use bytes::Bytes;
use capture::{
    Assembler, CaptureClock, ConnectionState, Error, LoopedClip, Looping, MediaKind, Player, Publisher, Target,
    VideoFrame, VoicePacket, loop_clip,
};
use codec::h264::Decoder;
use codec::{Clip, ClipPlan, Mark, Motif, opus, strip, tone};
use relay::Relay;
use tokio::sync::watch;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
const PITCH_HZ: f32 = 147.0;

fn clip() -> Clip {
    let plan = ClipPlan {
        motif: Motif::Room,
        seed: 4,
        site: 1,
        kind: 5,
        width: 320,
        height: 180,
        fps: 25,
        length_s: 2,
        bitrate_bps: 300_000,
        pitch_hz: Some(PITCH_HZ),
    };
    plan.make().unwrap()
}

struct Seen {
    mark: Mark,
    timestamp: u32,
    captured_ntp: Option<u64>,
}

/// Plays until `frames` frames are decoded and `sounds` voice packets heard.
async fn play(player: &mut Player, frames: usize, sounds: usize) -> (Vec<Seen>, Vec<f32>) {
    let (mut assembler, mut pictures, mut voice) =
        (Assembler::default(), Decoder::new().unwrap(), opus::Decoder::new().unwrap());
    let (mut seen, mut heard) = (Vec::new(), Vec::new());
    while seen.len() < frames || heard.len() < sounds * opus::PACKET_SAMPLES {
        let packet = timeout(PATIENCE, player.next()).await.expect("media in time").expect("the session lives");
        match packet.media {
            MediaKind::Voice => heard.extend(voice.decode(&packet.payload).unwrap()),
            MediaKind::Video => {
                for frame in assembler.push(packet) {
                    let planes = pictures.decode(&frame.annex_b).unwrap().expect("a picture");
                    let mark = strip::read_luma(planes.luma(), planes.width(), planes.height()).expect("a strip");
                    seen.push(Seen { mark, timestamp: frame.timestamp, captured_ntp: frame.captured_ntp });
                }
            }
        }
    }
    assert_eq!(assembler.broken, 0);
    (seen, heard)
}

fn check_frames(seen: &[Seen]) {
    for pair in seen.windows(2) {
        let (earlier, later) = (&pair[0], &pair[1]);
        assert_eq!((later.mark.site, later.mark.kind, later.mark.loop_frames), (1, 5, 50));
        assert_eq!(later.mark.frames_since(earlier.mark), 1, "{:?} {:?}", earlier.mark, later.mark);
        assert_eq!(later.timestamp.wrapping_sub(earlier.timestamp), 3600, "RTP time is capture time");
        let step = later.captured_ntp.unwrap() - earlier.captured_ntp.unwrap();
        assert!(step.abs_diff((1 << 32) / 25) < 1 << 8, "capture times are 40 ms apart, not {step}");
    }
}

async fn check_loop(over_tcp: bool) {
    let relay = Relay::start(over_tcp).await;
    let target = |path: &str| {
        let target = Target::new(format!("{}/{path}/room", relay.url), "a-token");
        if over_tcp { target.over_tcp() } else { target }
    };
    let clip = LoopedClip::new(clip()).unwrap();
    let (progress, mut looping) = watch::channel(Looping::default());
    let (published, clock) = (target("whip"), CaptureClock::start());
    let sender = tokio::spawn(async move {
        loop_clip(published, &clip, clock, Duration::from_millis(7), &progress).await;
    });
    timeout(PATIENCE, looping.wait_for(|now| now.connected)).await.unwrap().unwrap();

    let mut player = Player::connect(&target("whep")).await.unwrap();
    // More than one round of the loop.
    let (seen, heard) = play(&mut player, 60, 150).await;
    check_frames(&seen);
    let loudest = |pitch_hz: f32| {
        (-2..=2).map(|step| tone::amplitude(&heard, pitch_hz * (1.0 + step as f32 * 0.01))).fold(0.0, f32::max)
    };
    assert!(loudest(PITCH_HZ) > 4.0 * loudest(110.0), "the voice is the one that was sent");
    for media in [MediaKind::Video, MediaKind::Voice] {
        let counts = player.counts(media);
        assert!(counts.received > 60 && counts.missing == 0 && counts.unread == 0, "{media:?} {counts:?}");
    }

    // The server forgets the publisher: it comes back by itself, and the numbers are where they would have been.
    let before = seen.last().unwrap();
    let (frame, ntp) = (before.mark.frame, before.captured_ntp.unwrap());
    relay.drop_publishers().await;
    timeout(PATIENCE, looping.wait_for(|now| now.sessions == 2)).await.unwrap().unwrap();
    let mut player = Player::connect(&target("whep")).await.unwrap();
    let (seen, _) = play(&mut player, 30, 0).await;
    check_frames(&seen);
    let elapsed = (seen[0].captured_ntp.unwrap() - ntp) as f64 / (1u64 << 32) as f64;
    let steps = (elapsed * 25.0).round() as u64;
    assert_eq!((u64::from(frame) + steps) % 50, u64::from(seen[0].mark.frame), "{elapsed} s later");

    player.close().await.unwrap();
    timeout(PATIENCE, relay.deleted(1)).await.unwrap();
    sender.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_looped_clip_arrives_whole_over_udp() {
    check_loop(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_looped_clip_arrives_whole_over_tcp() {
    check_loop(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyframe_request_reaches_whoever_encodes() {
    let relay = Relay::start(false).await;
    let clock = CaptureClock::start();
    let target = Target::new(format!("{}/whip/room", relay.url), "a-token");
    let mut publisher = Publisher::connect(&target, clock, false).await.unwrap();
    assert_eq!(*publisher.state().borrow(), ConnectionState::Connected);
    let frame = VideoFrame::new(clip().pictures.remove(0).annex_b).unwrap();
    publisher.send_video(&frame, clock.now()).await.unwrap();
    let no_voice =
        publisher.send_voice(&VoicePacket { opus: Bytes::from_static(b"x"), level_dbov: 0 }, clock.now()).await;
    assert!(matches!(no_voice, Err(Error::NoVoice)));
    let mut requests = publisher.keyframe_requests();
    let asked = async {
        // The track appears at the relay with its first packet; a request before that goes nowhere.
        loop {
            publisher.send_video(&frame, clock.now()).await.unwrap();
            tokio::select! {
                count = requests.wait_for(|count| *count > 0) => return *count.unwrap(),
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
            if relay.has_video().await {
                relay.request_keyframe().await;
            }
        }
    };
    assert!(timeout(PATIENCE, asked).await.unwrap() > 0);
    publisher.close().await.unwrap();
    timeout(PATIENCE, relay.deleted(1)).await.unwrap();
}

#[tokio::test]
async fn a_refusal_says_which() {
    let relay = Relay::start(false).await;
    let target = Target::new(format!("{}/whip/room", relay.url), "another-token");
    let Err(Error::Refused { status, code }) = Publisher::connect(&target, CaptureClock::start(), false).await else {
        panic!("a wrong token must be refused");
    };
    assert_eq!((status, code.as_str()), (401, "bad_token"));
    let nobody = Target::new("http://127.0.0.1:9/whip/room", "a-token");
    let refused = Publisher::connect(&nobody, CaptureClock::start(), false).await;
    assert!(matches!(refused, Err(Error::Http(_))));
    assert!(!format!("{target:?}").contains("another-token"), "a token never prints");
}
