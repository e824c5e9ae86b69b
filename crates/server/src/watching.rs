//! What the viewers of one room have had: how long the path to each is, and how old its pictures are.
//!
//! Thousands of viewers must not become thousands of histograms, so there is one for each role, into which the newest of
//! every viewer is counted at a fixed pace: a viewer that says much, or has much to show, counts no more than another.

use std::time::{Duration, Instant};

use media::Departure;
use room::ViewerReport;
use signaling::Role;

use crate::tally::{AGE_EDGES, Delays};

/// How often each viewer is counted; as often as a page says how old its pictures are.
const NOTED_EVERY: Duration = Duration::from_secs(5);
/// What a page said longer ago than this is not of what it shows now.
const SAID_WITHIN: Duration = Duration::from_secs(12);
/// Where nothing new has left for so long, what stands on the screen grows older (hazard H1).
const STANDS_AFTER: Duration = Duration::from_millis(500);

/// Paths or ages, counted.
pub type Ages = Delays<{ AGE_EDGES.len() }>;

/// Up to where on a picture's way its age is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// When it left the server.
    Departure,
    /// When it came to its viewer, by half of the measured round trip. Of every viewer, also of a player without a page.
    Arrival,
    /// On the screen, as the viewer's page says.
    Screen,
}

impl Stage {
    /// All, in the order of the way.
    pub const ALL: [Self; 3] = [Self::Departure, Self::Arrival, Self::Screen];

    /// The word in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Departure => "departure",
            Self::Arrival => "arrival",
            Self::Screen => "screen",
        }
    }
}

/// What the viewers of one room have had since it opened.
#[derive(Debug, Clone, Default)]
pub struct Watching {
    noted_at: Option<Instant>,
    roles: Vec<(Role, Had)>,
}

/// What the viewers of one role have had.
#[derive(Debug, Clone)]
pub struct Had {
    /// Paths from the server.
    pub path: Ages,
    /// How long it is told to hold its pictures back.
    pub playout_delay: Ages,
    /// Ages of pictures, by [`Stage::ALL`].
    pub ages: [Ages; Stage::ALL.len()],
}

impl Watching {
    /// Counts every viewer once, if it is time.
    pub fn note(&mut self, now: Instant, viewers: &[ViewerReport]) {
        if self.noted_at.is_some_and(|at| now.saturating_duration_since(at) < NOTED_EVERY) {
            return;
        }
        self.noted_at = Some(now);
        for viewer in viewers {
            let had = self.of(viewer.role);
            // All slots of a viewer are reached by one path, and held back alike.
            if viewer.slot == 0 {
                path_to(viewer).into_iter().for_each(|path| had.path.add(path));
                had.playout_delay.add(viewer.sink.playout_delay);
            }
            for (stage, ages) in Stage::ALL.into_iter().zip(&mut had.ages) {
                age_of(viewer, stage, now).into_iter().for_each(|age| ages.add(age));
            }
        }
    }

    /// The roles that have watched, and what they have had.
    pub fn roles(&self) -> impl Iterator<Item = (Role, &Had)> {
        self.roles.iter().map(|(role, had)| (*role, had))
    }

    fn of(&mut self, role: Role) -> &mut Had {
        let at = self.roles.iter().position(|(known, _)| *known == role).unwrap_or_else(|| {
            let none = Ages::new(&AGE_EDGES);
            self.roles.push((role, Had { path: none, playout_delay: none, ages: [none; Stage::ALL.len()] }));
            self.roles.len() - 1
        });
        &mut self.roles[at].1
    }
}

/// How long what is sent takes to a viewer: half of its round trip.
pub fn path_to(viewer: &ViewerReport) -> Option<Duration> {
    viewer.sink.round_trip.map(|round_trip| round_trip / 2)
}

/// How old the picture in a viewer's slot is at this stage of its way, if it is known.
pub fn age_of(viewer: &ViewerReport, stage: Stage, now: Instant) -> Option<Duration> {
    let left = |Departure { captured_at, left_at }| {
        let stands = now.saturating_duration_since(left_at) > STANDS_AFTER;
        (if stands { now } else { left_at }).saturating_duration_since(captured_at)
    };
    match stage {
        Stage::Departure => viewer.sink.departed.map(left),
        Stage::Arrival => Some(viewer.sink.departed.map(left)? + path_to(viewer)?),
        Stage::Screen => {
            let shown = viewer.shown.filter(|shown| now.saturating_duration_since(shown.said_at) < SAID_WITHIN);
            shown.map(|shown| shown.age)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use media::{Given, GivenLayer, Rank, SinkId, SinkReport};
    use room::Shown;
    use signaling::{FeedId, MemberId};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// An expert whose path takes 20 ms and whose picture was 30 ms old when it left and 90 ms on the screen.
    pub(crate) fn expert(now: Instant, slot: usize) -> ViewerReport {
        ViewerReport {
            member: MemberId(7),
            role: Role::Expert,
            site: None,
            rank: Rank::Panel,
            slot,
            feed: Some(FeedId(3)),
            sink: SinkReport {
                sink: SinkId::default(),
                track: None,
                loss: None,
                round_trip: Some(40 * MS),
                estimate_bps: Some(8_000_000),
                allocated_bps: Some(300_000),
                given: Some(Given { layer: GivenLayer::Thumbnail, height: Some(180), rate_bps: 120_000 }),
                playout_delay: 70 * MS,
                departed: Some(Departure { captured_at: now - 40 * MS, left_at: now - 10 * MS }),
            },
            shown: Some(Shown { age: 90 * MS, said_at: now - 1000 * MS }),
        }
    }

    #[test]
    fn an_age_grows_on_its_way() {
        let now = Instant::now();
        let viewer = expert(now, 0);
        let ages =
            |viewer: &ViewerReport, now| Stage::ALL.map(|stage| age_of(viewer, stage, now).map(|age| age.as_millis()));
        assert_eq!(ages(&viewer, now), [Some(30), Some(50), Some(90)]);
        assert_eq!(ages(&viewer, now + 400 * MS), [Some(30), Some(50), Some(90)], "a picture that moves slowly");
        assert_eq!(ages(&viewer, now + 960 * MS), [Some(1000), Some(1020), Some(90)], "one that stands");
        assert_eq!(ages(&viewer, now + SAID_WITHIN)[2], None, "what was said long ago");
        let mut unknown = viewer.clone();
        unknown.sink.round_trip = None;
        assert_eq!(ages(&unknown, now), [Some(30), None, Some(90)], "no report of the viewer has come yet");
        unknown.sink.departed = None;
        assert_eq!(ages(&unknown, now), [None, None, Some(90)]);
    }

    #[test]
    fn every_viewer_is_counted_at_one_pace() {
        let now = Instant::now();
        let mut watching = Watching::default();
        for seconds in 0..12 {
            let now = now + Duration::from_secs(seconds);
            watching
                .note(now, &[expert(now, 0), expert(now, 1), ViewerReport { role: Role::Trainee, ..expert(now, 0) }]);
        }
        let counts = |had: &Had| (had.path.count(), had.playout_delay.count(), had.ages.map(|ages| ages.count()));
        let roles: Vec<_> = watching.roles().map(|(role, had)| (role, counts(had))).collect();
        // At 0, 5 and 10 seconds; two pictures come by one path.
        assert_eq!(roles, [(Role::Expert, (3, 3, [6; 3])), (Role::Trainee, (3, 3, [3; 3]))]);
    }
}
