//! The first whole picture of a stream, by its packets.

/// Watches packets until one keyframe is there from its parameter sets to its marker.
#[derive(Debug, Default)]
pub struct FirstPicture {
    began: Option<u64>,
    packets: u64,
}

impl FirstPicture {
    /// Takes the next packet, by its sequence number counted on over every wrap; true if it completes a keyframe.
    pub fn take(&mut self, sequence: u64, marker: bool, payload: &[u8]) -> bool {
        /// STAP-A (RFC 6184 section 5.7.1): the swarm's keyframes begin with their parameter sets in one.
        const PARAMETER_SETS: u8 = 24;
        if payload.first().is_some_and(|first| first & 0x1f == PARAMETER_SETS) {
            (self.began, self.packets) = (Some(sequence), 0);
        }
        let Some(began) = self.began else { return false };
        self.packets += 1;
        let is_whole = sequence.checked_sub(began).is_some_and(|since| since + 1 == self.packets);
        if marker {
            self.began = None;
        }
        marker && is_whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_with_a_hole_is_none() {
        let mut first = FirstPicture::default();
        let (sets, part) = ([0x78, 0], [0x7c, 5]);
        assert!(!first.take(4, true, &part), "no keyframe has begun");
        assert!(!first.take(5, false, &sets));
        assert!(!first.take(7, true, &part), "one is missing");
        assert!(!first.take(8, false, &sets));
        assert!(!first.take(9, false, &part));
        assert!(first.take(10, true, &part));
    }
}
