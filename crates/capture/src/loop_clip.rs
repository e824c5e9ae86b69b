//! A clip, sent in a loop for as long as anybody wants it.

use std::convert::Infallible;
use std::time::Duration;

use codec::{Clip, opus};
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use crate::{CaptureClock, ConnectionState, Error, Publisher, Target, VideoFrame, VoicePacket};

/// What was not sent this long after its time is left out: after a pause of the machine the feed goes on with now.
const TOO_LATE: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const PACKET: Duration = Duration::from_millis(20);

/// A clip, cut into packets.
#[derive(Debug, Clone)]
pub struct LoopedClip {
    fps: u32,
    frames: Vec<VideoFrame>,
    voice: Vec<VoicePacket>,
}

impl LoopedClip {
    /// Cuts all of a clip into packets.
    pub fn new(clip: Clip) -> Result<Self, Error> {
        let frames = clip.pictures.into_iter().map(|coded| VideoFrame::new(coded.annex_b)).collect::<Result<_, _>>()?;
        let voice = clip.voice.into_iter();
        let voice =
            voice.map(|sound| VoicePacket { opus: sound.packet.into(), level_dbov: sound.level_dbov }).collect();
        Ok(Self { fps: clip.fps, frames, voice })
    }

    /// The frame and its capture time, counted from the beginning of all rounds. No sum of rounded steps: a feed
    /// that has run for a month is where its clock is.
    fn frame(&self, number: u64) -> (&VideoFrame, Duration) {
        let captured = Duration::from_nanos((u128::from(number) * 1_000_000_000 / u128::from(self.fps)) as u64);
        (&self.frames[(number % self.frames.len() as u64) as usize], captured)
    }

    fn packet(&self, number: u64) -> Option<(&VoicePacket, Duration)> {
        let index = number.checked_rem(self.voice.len() as u64)?;
        Some((&self.voice[index as usize], Duration::from_nanos(number * PACKET.as_nanos() as u64)))
    }
}

/// How a looped clip fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Looping {
    /// True while the server takes it.
    pub connected: bool,
    /// Sessions made so far.
    pub sessions: u64,
    /// Frames sent so far.
    pub frames: u64,
    /// Frames left out because their time was long over.
    pub frames_late: u64,
}

/// Publishes a clip in real time until it is dropped; connects again by itself whenever the server is gone, sooner
/// at first and then every two seconds.
///
/// Frame `n` is captured at `n / fps` of `clock`, plus `phase`, whether or not it could be sent: after a break the
/// numbers go on where they would have been. Different phases keep several feeds from sending in one burst.
/// Keyframe requests are left unanswered: a clip has a keyframe every second.
pub async fn loop_clip(
    target: Target,
    clip: &LoopedClip,
    clock: CaptureClock,
    phase: Duration,
    progress: &watch::Sender<Looping>,
) -> Infallible {
    let mut pause = FIRST_PAUSE;
    loop {
        match Publisher::connect(&target, clock, !clip.voice.is_empty()).await {
            Ok(publisher) => {
                tracing::debug!("a looped clip is connected");
                progress.send_modify(|now| (now.connected, now.sessions) = (true, now.sessions + 1));
                pause = FIRST_PAUSE;
                let error = send(publisher, clip, clock, phase, progress).await;
                tracing::info!(%error, "a looped clip has lost the server");
                progress.send_modify(|now| now.connected = false);
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::debug!(%error, cause, "a looped clip cannot connect");
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Sends until the connection is lost; that is why it always ends in an error.
async fn send(
    mut publisher: Publisher,
    clip: &LoopedClip,
    clock: CaptureClock,
    phase: Duration,
    progress: &watch::Sender<Looping>,
) -> Error {
    let mut state = publisher.state();
    let lost = state.wait_for(|state| *state == ConnectionState::Lost);
    tokio::select! {
        _ = lost => Error::Gone,
        error = send_rounds(&mut publisher, clip, clock, phase, progress) => error,
    }
}

async fn send_rounds(
    publisher: &mut Publisher,
    clip: &LoopedClip,
    clock: CaptureClock,
    phase: Duration,
    progress: &watch::Sender<Looping>,
) -> Error {
    let now = clock.now().saturating_sub(phase);
    let (mut frame, mut packet) = (next_frame(now, clip.fps), (now.as_nanos() / PACKET.as_nanos()) as u64 + 1);
    loop {
        let (picture, picture_at) = clip.frame(frame);
        let sent = match clip.packet(packet) {
            Some((sound, sound_at)) if sound_at < picture_at => {
                packet += 1;
                if wait(clock, sound_at + phase).await {
                    publisher.send_voice(sound, sound_at + phase).await
                } else {
                    Ok(())
                }
            }
            _ => {
                frame += 1;
                let in_time = wait(clock, picture_at + phase).await;
                progress.send_modify(|now| if in_time { now.frames += 1 } else { now.frames_late += 1 });
                if in_time { publisher.send_video(picture, picture_at + phase).await } else { Ok(()) }
            }
        };
        if let Err(error) = sent {
            return error;
        }
    }
}

fn next_frame(now: Duration, fps: u32) -> u64 {
    (now.as_nanos() * u128::from(fps) / 1_000_000_000) as u64 + 1
}

/// Waits for a capture time; false if it was over long ago.
async fn wait(clock: CaptureClock, captured: Duration) -> bool {
    sleep_until(clock.instant(captured).into()).await;
    clock.now() < captured + TOO_LATE
}

// Opus packets are 20 ms long, or voice and pictures would drift apart.
const _: () = assert!(opus::PACKETS_PER_SECOND as u128 * PACKET.as_millis() == 1000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_follow_each_other_without_drift() {
        let frames = (0..3).map(|byte| VideoFrame::new(vec![0, 0, 0, 1, 0x41, byte, 7]).unwrap()).collect();
        let voice = [-9, -8].map(|level_dbov| VoicePacket { opus: "a".into(), level_dbov });
        let clip = LoopedClip { fps: 30, frames, voice: voice.into() };
        assert_eq!(clip.frame(4).1, Duration::from_nanos(133_333_333));
        assert_eq!(clip.frame(2_592_000 * 30).1, Duration::from_secs(2_592_000), "a month later");
        let (second, at) = clip.packet(5).unwrap();
        assert_eq!((second.level_dbov, at), (-8, Duration::from_millis(100)));
        let silent = LoopedClip { voice: vec![], ..clip };
        assert!(silent.packet(5).is_none());
    }
}
