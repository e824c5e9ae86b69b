//! Who and what is in a room.

use serde::{Deserialize, Serialize};

use crate::talk::Direction;
use crate::{FeedId, MemberId, Private, SiteId, VoiceId};

/// What a member is in a room for. Decides what it may do; a token can only narrow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Opens the room, admits, gives the floor, records, ends.
    Lead,
    /// Guides from outside the operating room.
    Expert,
    /// Operates at a site; publishes its feeds and voice.
    Surgeon,
    /// Watches, never publishes.
    Trainee,
    /// An OR monitor: receives only, needs no hands.
    Display,
    /// A capture box: publishes only.
    Device,
    /// AI, gateways: receives only.
    Service,
}

impl Role {
    /// Every role, for tables and tests.
    pub const ALL: [Self; 7] =
        [Self::Lead, Self::Expert, Self::Surgeon, Self::Trainee, Self::Display, Self::Device, Self::Service];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Expert => "expert",
            Self::Surgeon => "surgeon",
            Self::Trainee => "trainee",
            Self::Display => "display",
            Self::Device => "device",
            Self::Service => "service",
        }
    }
}

/// The word is none of the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not one of the known words")]
pub struct UnknownWord;

impl std::str::FromStr for Role {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|role| role.as_str() == word).ok_or(UnknownWord)
    }
}

/// What a room is for; kinds differ in their defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// One panel, one to three sites that never see or hear each other.
    #[default]
    Guidance,
    /// A case discussed without an operation.
    Consultation,
    /// One site or theatre shown to an audience.
    Teaching,
    /// Everybody sees and hears everybody.
    Meeting,
}

impl RoomKind {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guidance => "guidance",
            Self::Consultation => "consultation",
            Self::Teaching => "teaching",
            Self::Meeting => "meeting",
        }
    }
}

/// What a feed shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FeedKind {
    /// Endoscope or laparoscope.
    Endoscope,
    /// Ultrasound.
    Ultrasound,
    /// Computed tomography.
    Ct,
    /// Fluoroscopy or DSA.
    Fluoroscopy,
    /// Operating or pathology microscope.
    Microscope,
    /// The operating-room camera.
    Room,
    /// A patient monitor or other screen in the operating room.
    Monitor,
    /// A shared computer screen.
    Screen,
    /// A person's face.
    Face,
}

impl FeedKind {
    /// Every kind, in the order in which a site's feeds are shown.
    pub const ALL: [Self; 9] = [
        Self::Endoscope,
        Self::Ultrasound,
        Self::Ct,
        Self::Fluoroscopy,
        Self::Microscope,
        Self::Room,
        Self::Monitor,
        Self::Screen,
        Self::Face,
    ];

    /// The word on the wire and in the query of a WHIP or WHEP request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endoscope => "endoscope",
            Self::Ultrasound => "ultrasound",
            Self::Ct => "ct",
            Self::Fluoroscopy => "fluoroscopy",
            Self::Microscope => "microscope",
            Self::Room => "room",
            Self::Monitor => "monitor",
            Self::Screen => "screen",
            Self::Face => "face",
        }
    }
}

impl std::str::FromStr for FeedKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(UnknownWord)
    }
}

/// One member as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Member {
    /// Its identifier in this room.
    pub id: MemberId,
    /// The name its token gives, for the screen only.
    #[cfg_attr(test, ts(type = "string"))]
    pub name: Private<String>,
    /// Its role.
    pub role: Role,
    /// The site it belongs to; none for the panel and the audience.
    pub site: Option<SiteId>,
    /// The sites that somebody of the panel attends, as far as the client may know of them (rule T1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<SiteId>>"))]
    pub attends: Vec<SiteId>,
    /// Whom its voice is for, of somebody of the panel and for the panel alone; `attended` where it is not said (rule T2).
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(test, ts(optional, as = "Option<Direction>"))]
    pub speaks_to: Direction,
    /// Its duty, by which it can be called (rule T4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub duty: Option<String>,
    /// True while its hand is raised; for the panel and itself (rule F1).
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub hand: bool,
    /// At which sites it is heard, of somebody of the audience that has the floor (rule F2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub floor: Option<Vec<SiteId>>,
    /// True while a lead silences it (rule R3).
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub silenced: bool,
}

impl Member {
    /// Somebody who has just come.
    pub fn new(id: MemberId, name: Private<String>, role: Role, site: Option<SiteId>) -> Self {
        Self {
            id,
            name,
            role,
            site,
            attends: Vec::new(),
            speaks_to: Direction::default(),
            duty: None,
            hand: false,
            floor: None,
            silenced: false,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A published video track, as bound by the server at publish (hazard H2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Feed {
    /// Its identifier in this room.
    pub id: FeedId,
    /// Who publishes it.
    pub member: MemberId,
    /// The site whose picture it is; none for a panel member's own camera or screen.
    pub site: Option<SiteId>,
    /// What it shows.
    pub kind: FeedKind,
    /// The publisher's own words for it; may be empty.
    pub label: String,
    /// The codec of its packets, as in an SDP rtpmap (`H264`, `VP8`, `AV1` ...); none before the first packet.
    pub codec: Option<String>,
    /// True while its publisher holds it back.
    pub muted: bool,
    /// Why it may not look right, when the server can tell.
    pub fault: Option<FeedFault>,
    /// The feed whose place it takes: one of the same publisher, site, kind and label that had stopped when this one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub follows: Option<FeedId>,
}

/// Something wrong with a feed that the server sees in its packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FeedFault {
    /// H.264 with B-frames: WebRTC receivers show them out of order. Its encoder must be set to none (`-bf 0`).
    BFrames,
    /// No keyframe has come although one was asked for.
    NoKeyframe,
    /// No packet for more than two seconds.
    Silent,
}

/// A published audio track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Voice {
    /// Its identifier in this room.
    pub id: VoiceId,
    /// Who speaks.
    pub member: MemberId,
    /// The site it comes from; none for the panel.
    pub site: Option<SiteId>,
    /// True while the server forwards nothing of it.
    pub muted: bool,
}
