//! Who goes before whom.

/// Who is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// Who guides or operates.
    Panel,
    /// What serves them without a person before it: monitors and capture boxes of the sites, services. Sent everything at
    /// once, too.
    Machine,
    /// Who watches.
    Audience,
}

impl Rank {
    /// Each once, who is first served first.
    pub const ALL: [Self; 3] = [Self::Panel, Self::Machine, Self::Audience];

    /// Its word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Panel => "panel",
            Self::Machine => "machine",
            Self::Audience => "audience",
        }
    }
}
