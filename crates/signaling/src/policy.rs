//! What a room's lead decides for all: who may speak, who waits at the door, what the audience sees.

use serde::{Deserialize, Serialize};

use crate::{FeedChoice, Role};

/// Who may do what in a room. Each kind of room begins with its own; a lead may set another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Who may speak without being given the floor, of those whose role can at all.
    pub speak: Vec<Role>,
    /// Who waits at the door until a lead lets them in.
    pub wait: Vec<Role>,
    /// Who is given what was said before they came.
    pub history: Vec<Role>,
    /// True while nobody new comes in.
    pub locked: bool,
    /// True while the sites see, hear and know each other.
    pub sites_joined: bool,
}

/// What the audience sees and hears.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Programme {
    /// Whatever it chooses.
    #[default]
    Open,
    /// Nothing: it is dark.
    Dark,
    /// What a lead chose.
    Shown(Shown),
}

/// A programme that a lead chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The feed: this very one, or whatever a site publishes of a kind.
    pub feed: FeedChoice,
    /// True to show the face of who of the panel speaks as well.
    pub with_speaker: bool,
}
