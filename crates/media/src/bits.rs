//! Bytes of a standard's syntax, read bit by bit.

/// Where it is in them.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// From this bit on.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The next so many bits, 32 at most, the highest first; none where there are fewer.
    pub(crate) fn number(&mut self, bits: u32) -> Option<u32> {
        let mut number = 0;
        for _ in 0..bits {
            let byte = self.bytes.get(self.at / 8)?;
            number = number << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(number)
    }

    /// Passes over so many.
    pub(crate) fn skip(&mut self, bits: usize) -> Option<()> {
        self.at += bits;
        (self.at <= 8 * self.bytes.len()).then_some(())
    }
}
