//! How long a room lets its viewers hold pictures back, by what it is for.

use std::time::Duration;

use signaling::RoomKind;

/// Where people act on what they see: enough for five attempts at 50 ms there and back, or three at 100 ms. By what is
/// older nobody should guide.
const ACTED_ON: Duration = Duration::from_millis(400);
/// Where they watch and talk: a pause is worse than a picture that is a second old.
const WATCHED: Duration = Duration::from_secs(1);

/// The longest of a room of this kind, on a server that allows no room more than `server_most`.
pub(crate) fn longest_delay(kind: RoomKind, server_most: Duration) -> Duration {
    let own_most = match kind {
        RoomKind::Guidance | RoomKind::Consultation => ACTED_ON,
        RoomKind::Teaching | RoomKind::Meeting => WATCHED,
    };
    own_most.min(server_most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_its_own_bound_and_never_more_than_the_server_s() {
        use RoomKind::{Consultation, Guidance, Meeting, Teaching};
        for (server_ms, guided_ms, watched_ms) in [(10_000, 400, 1000), (1000, 400, 1000), (600, 400, 600), (0, 0, 0)] {
            let longest = |kind| longest_delay(kind, Duration::from_millis(server_ms)).as_millis();
            assert_eq!([Guidance, Consultation].map(longest), [guided_ms; 2], "a server that allows {server_ms} ms");
            assert_eq!([Teaching, Meeting].map(longest), [watched_ms; 2], "a server that allows {server_ms} ms");
        }
    }
}
