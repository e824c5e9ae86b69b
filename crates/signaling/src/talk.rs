//! Talk: whom a voice is for, calls, text, questions.

use serde::{Deserialize, Serialize};

use crate::{MemberId, Private, SiteId};

/// One call. Counted up by the room, never used twice in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(transparent)]
pub struct CallId(pub u32);

/// One question of the audience. Counted up by the room, never used twice in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(transparent)]
pub struct QuestionId(pub u32);

/// Whom the voice of somebody of the panel is for. The panel always hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The sites that it attends.
    #[default]
    Attended,
    /// Every site.
    All,
    /// The panel alone: neither a site nor the audience.
    Panel,
}

/// A site calls somebody of the panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Call {
    /// Its identifier in this room.
    pub id: CallId,
    /// Who calls.
    pub by: MemberId,
    /// From which site.
    pub site: SiteId,
    /// Who is rung.
    pub to: Vec<MemberId>,
    /// By which duty; none if by name.
    pub duty: Option<String>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// Somebody answered, and attends the site.
    Answered,
    /// Everybody who was rung declined, or has left.
    Declined,
    /// Who called withdrew it, or has left.
    Withdrawn,
    /// Nobody answered in time.
    Unanswered,
}

/// To whom something is said in text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SayTo {
    /// The panel alone.
    Panel,
    /// The panel and one site.
    Site(SiteId),
    /// Everybody in the room.
    Everybody,
}

/// Something said in text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Said {
    /// Counts up in the order in which things were said, the same for everybody; what is not for the client leaves a number out.
    pub number: u32,
    /// When, milliseconds since 1970-01-01 UTC by the server's clock.
    #[cfg_attr(test, ts(type = "number"))]
    pub at_ms: u64,
    /// Who said it.
    pub member: MemberId,
    /// Its name: who said it may have left.
    #[cfg_attr(test, ts(type = "string"))]
    pub name: Private<String>,
    /// To whom.
    pub to: SayTo,
    /// What.
    #[cfg_attr(test, ts(type = "string"))]
    pub text: Private<String>,
}

/// A question of the audience.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Question {
    /// Its identifier in this room.
    pub id: QuestionId,
    /// When it was asked, milliseconds since 1970-01-01 UTC by the server's clock.
    #[cfg_attr(test, ts(type = "number"))]
    pub at_ms: u64,
    /// Who asked; for the panel and for who asked.
    pub member: Option<MemberId>,
    /// Its name, for the panel and for who asked.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub name: Option<Private<String>>,
    /// What.
    #[cfg_attr(test, ts(type = "string"))]
    pub text: Private<String>,
    /// What the panel answered in text.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub answer: Option<Private<String>>,
    /// True while everybody sees it.
    pub on_air: bool,
}
