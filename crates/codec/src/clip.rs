//! A looped clip: drawn once, encoded once, sent for ever.

use crate::h264::{AccessUnit, Encoder, Settings};
use crate::{Colour, Error, Mark, Motif, Picture, Planes, opus, strip, voice};

/// What a clip is to be. Frame `i` of the `fps * length_s` it has carries `i` and that length in its strip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipPlan {
    /// What is drawn.
    pub motif: Motif,
    /// Another seed, another patient.
    pub seed: u32,
    /// Index of the site for the strip.
    pub site: u8,
    /// Index of the feed's kind for the strip.
    pub kind: u8,
    /// Width, pixels, even.
    pub width: usize,
    /// Height, pixels, even.
    pub height: usize,
    /// Frames per second.
    pub fps: u32,
    /// Length of the loop, whole seconds, so that 90 kHz, 48 kHz and 20 ms all divide it.
    pub length_s: u32,
    /// Bitrate of the video.
    pub bitrate_bps: u32,
    /// Pitch of the voice; none for a clip without sound.
    pub pitch_hz: Option<f32>,
}

/// A clip, ready to be sent in a loop: it begins with a keyframe and has one every second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Frames per second.
    pub fps: u32,
    /// The coded pictures of one loop. Their number is that in the strip, [`Mark::loop_frames`].
    pub pictures: Vec<AccessUnit>,
    /// The Opus packets of one loop, 20 ms each: as long as the pictures, or none at all.
    pub voice: Vec<opus::Sound>,
}

/// Bitrate of a synthetic voice.
const VOICE_BPS: u32 = 24_000;

impl ClipPlan {
    /// How many frames a loop has. Strips count in 16 bits.
    pub fn frames(&self) -> u16 {
        (self.fps * self.length_s).try_into().unwrap_or(u16::MAX)
    }

    /// Draws and encodes the whole clip: seconds of work for one thread.
    pub fn make(&self) -> Result<Clip, Error> {
        Ok(Clip { fps: self.fps, pictures: self.pictures()?, voice: self.voice()? })
    }

    fn pictures(&self) -> Result<Vec<AccessUnit>, Error> {
        let mut drawing = self.motif.prepare(self.width, self.height, self.seed);
        let mut picture = Picture::new(self.width, self.height);
        let mut planes = Planes::new(self.width, self.height)?;
        let settings = Settings {
            fps: self.fps as f32,
            bitrate_bps: self.bitrate_bps,
            keyframe_interval_frames: self.fps,
            unit_bytes: None,
            colour: Some(Colour::BT709),
        };
        let mut encoder = Encoder::new(settings)?;
        let frames = self.frames();
        let mut pictures = Vec::with_capacity(frames.into());
        for frame in 0..frames {
            drawing.draw(f32::from(frame) / f32::from(frames), self.length_s as f32, &mut picture);
            strip::draw(&mut picture, Mark { site: self.site, kind: self.kind, frame, loop_frames: frames });
            planes.read(&picture)?;
            let at_ms = u64::from(frame) * 1000 / u64::from(self.fps);
            let keyframe = u32::from(frame).is_multiple_of(self.fps);
            pictures.push(encode(&mut encoder, &planes, at_ms, keyframe)?);
        }
        Ok(pictures)
    }

    fn voice(&self) -> Result<Vec<opus::Sound>, Error> {
        let Some(pitch_hz) = self.pitch_hz else { return Ok(Vec::new()) };
        let samples = voice::speak(pitch_hz, self.site.into(), (self.length_s * opus::SAMPLE_RATE_HZ) as usize);
        opus::Encoder::new(VOICE_BPS)?.encode_all(&samples)
    }
}

/// A clip leaves nothing out: a picture that the rate control refuses is offered again until it has the credit.
fn encode(encoder: &mut Encoder, planes: &Planes, at_ms: u64, keyframe: bool) -> Result<AccessUnit, Error> {
    for _ in 0..1000 {
        if let Some(coded) = encoder.encode_at(planes, at_ms, keyframe)? {
            return Ok(coded);
        }
    }
    Err(Error::LeftOut)
}
