//! A type for every identifier, so that one cannot be taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// One person or device in a room. Counted up by the room, never used twice in it.
    MemberId
}
number! {
    /// One published feed. Counted up by the room, never used twice in it.
    FeedId
}
number! {
    /// One published voice. Counted up by the room, never used twice in it.
    VoiceId
}
number! {
    /// Chosen by the client for a message that wants an answer; the answer carries it as `re`.
    RequestId
}
number! {
    /// One place in a viewer's downlink: the index of its video m-line among those named in `receive`, from 0.
    Slot
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(test, ts(type = "string"))]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                if is_name(&text) { Ok(Self(text)) } else { Err(BadName) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// One consultation. Stands in URLs, logs and metrics, so it must be opaque: never a patient's name.
    RoomId
}
name! {
    /// One operating room at one hospital. Opaque, like [`RoomId`].
    SiteId
}

/// A room or site identifier is 1 to 64 of `A-Z a-z 0-9 . _ -`, and does not begin with a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits, '.', '_' or '-', and not begin with '.'")]
pub struct BadName;

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_path_and_no_space() {
        for good in ["a", "room-12", "B.1_x", &"r".repeat(64)] {
            assert!(good.parse::<RoomId>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".a", "a/b", "a b", "é", &"r".repeat(65)] {
            assert_eq!(bad.parse::<RoomId>(), Err(BadName), "{bad}");
        }
    }
}
