//! How much came, and how much did not.

use crate::playout::Loss;

/// Bytes are counted in slices of this length by the receiver's clock.
const SLICE_US: i64 = 50_000;
const SLICES: usize = 7;
/// Loss is judged over at least so many packets and so long.
const PACKETS: u32 = 30;
const WINDOW_US: i64 = 500_000;
/// How much a window counts for what lasts: two seconds are most of it.
const NEWS: f64 = 0.25;
/// How much one loss counts for which of them come together.
const NEWS_OF_ONE: f64 = 1.0 / 96.0;
/// What a line loses at the moment is so many times what lasts where it has just begun; else it is chance.
const BEGINS: f64 = 3.0;

/// The rate of what came within the last third of a second.
#[derive(Debug, Default)]
pub(crate) struct Receipt {
    /// Bytes by slice, modulo the length.
    slices: [u32; SLICES],
    newest: Option<i64>,
    began: i64,
    window: Window,
    loss: Option<f64>,
    /// The window before: what was missing in it may still have come.
    before: Option<Lost>,
    lasting: Loss,
    /// Of what is missing, the part that parity would not have mended.
    together: f64,
}

/// Of a window that is over, so that what lasts is judged when it has been seen what was only late.
#[derive(Debug, Clone, Copy)]
struct Lost {
    /// In one piece once: a burst is over, and what is sent again in it is lost no oftener for that.
    runs: u32,
    all: u32,
    is_too_much: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Window {
    began_us: Option<i64>,
    arrived: u32,
    missing: u32,
    /// What is missing in one piece, counted once.
    runs: u32,
}

impl Receipt {
    /// A packet has come.
    pub(crate) fn add(&mut self, arrived_us: i64, bytes: u16) {
        let slice = arrived_us.div_euclid(SLICE_US);
        let newest = *self.newest.get_or_insert_with(|| {
            self.began = slice;
            slice
        });
        if slice > newest {
            for empty in (newest + 1..=slice).rev().take(SLICES) {
                self.slices[empty.rem_euclid(SLICES as i64) as usize] = 0;
            }
            if slice - newest > SLICES as i64 {
                self.began = slice;
            }
            self.newest = Some(slice);
        }
        if slice + SLICES as i64 > newest {
            self.slices[slice.rem_euclid(SLICES as i64) as usize] += u32::from(bytes);
        }
        self.window.arrived += 1;
    }

    /// A packet had not come when later ones were reported; `is_alone` if the one before it had, `is_together` if another had
    /// not that stands so close to it that parity can mend only one of them.
    pub(crate) fn miss(&mut self, is_alone: bool, is_together: bool) {
        self.window.missing += 1;
        self.window.runs += u32::from(is_alone);
        // Of two both are lost.
        self.together += (if is_together { 2.0 } else { 0.0 } - self.together) * NEWS_OF_ONE;
    }

    /// One that was missing has come after all.
    pub(crate) fn found(&mut self) {
        if self.window.missing > 0 {
            self.window.missing -= 1;
            self.window.runs = self.window.runs.min(self.window.missing);
        } else if let Some(before) = &mut self.before {
            before.runs = before.runs.saturating_sub(1);
        }
    }

    /// The rate over the last whole slices, in bits per second; none before there are four of them.
    pub(crate) fn rate_bps(&self) -> Option<f64> {
        let newest = self.newest?;
        let whole = (newest - self.began).min(SLICES as i64 - 1);
        let bytes: u32 = (newest - whole..newest).map(|at| self.slices[at.rem_euclid(SLICES as i64) as usize]).sum();
        (whole >= 4).then(|| f64::from(bytes) * 8e6 / (whole * SLICE_US) as f64)
    }

    /// There are so many losses in a second now: if that is far more than what lasts, it has just begun.
    pub(crate) fn lose(&mut self, per_second: f64) {
        let part = per_second / self.lasting.packets_per_second.max(per_second);
        if part > BEGINS * self.lasting.part && part < 1.0 {
            self.lasting.part = part;
        }
    }

    /// The part that was lost in the last window that is over, 0 to 1.
    pub(crate) fn last_loss(&self) -> f64 {
        self.loss.unwrap_or(0.0)
    }

    /// What was lost over the last seconds.
    pub(crate) fn lasting_loss(&self) -> Loss {
        Loss { unmended: self.lasting.part * self.together.min(1.0), ..self.lasting }
    }

    /// The part that was lost in the last window that is over, 0 to 1; true beside it when it is news. What is lost because
    /// `is_too_much` is sent does not last.
    pub(crate) fn loss(&mut self, now_us: i64, is_too_much: bool) -> (f64, bool) {
        let began = *self.window.began_us.get_or_insert(now_us);
        let all = self.window.arrived + self.window.missing;
        let is_over = now_us - began >= WINDOW_US && all >= PACKETS;
        if is_over {
            let missing = self.window.missing;
            self.loss = Some(f64::from(missing) / f64::from(all));
            self.lasting.packets_per_second = f64::from(all) * 1e6 / (now_us - began) as f64;
            if let Some(before) = self.before.replace(Lost { runs: self.window.runs, all, is_too_much }) {
                let loss = f64::from(before.runs) / f64::from(before.all);
                let lasting = if before.is_too_much { loss.min(self.lasting.part) } else { loss };
                self.lasting.part += (lasting - self.lasting.part) * NEWS;
            }
            self.window = Window { began_us: Some(now_us), ..Window::default() };
        }
        (self.last_loss(), is_over)
    }
}
