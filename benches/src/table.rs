//! The table of a run: medians, the targets, and every single measurement.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use crate::figures::{Figures, median};

/// What a server had to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Load {
    /// One feed, so many viewers.
    Viewers(usize),
    /// One feed, as many viewers as fill half of the server's processor.
    Half,
    /// So many feeds of several sites, all of them to so many experts.
    Panel(usize, usize),
    /// As many rooms of that kind as fill half of the server's processor.
    HalfPanels(usize, usize),
}

/// Rows by load, servers in the order of their first measurement.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Row {
    name: String,
    load: Load,
    all: Vec<Figures>,
}

const HEAD: &str = "| server | load | us/packet | floor | ratio | core | lost | recv-to-send p50 / p99 ms | end-to-end p50 / p99 ms \
                    | KiB/viewer | load's core | doubtful |\n|---|---|---|---|---|---|---|---|---|---|---|---|";

impl Table {
    /// Takes one measurement.
    pub fn add(&mut self, name: &str, load: Load, figures: Figures) {
        match self.rows.iter_mut().find(|row| row.name == name && row.load == load) {
            Some(row) => row.all.push(figures),
            None => {
                self.rows.push(Row { name: name.to_owned(), load, all: vec![figures] });
                self.rows.sort_by_key(|row| row.load);
            }
        }
    }

    /// Takes what has to be said below the table.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    fn row(&self, name: &str, load: Load) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name && row.load == load)
    }

    fn us(&self, name: &str, load: Load) -> Option<f64> {
        self.row(name, load)?.median(|figures| figures.us_per_packet)
    }

    /// What issue and product ask for, beside what came out. Only what was measured is named.
    fn targets(&self, name: &str, (feeds, experts): (usize, usize)) -> Vec<(String, Option<f64>, &'static str)> {
        let (at_50, at_100, at_400) = (Load::Viewers(50), Load::Viewers(100), Load::Viewers(400));
        let half_panels = Load::HalfPanels(feeds, experts);
        let p99_ms: fn(&Figures) -> f64 = |figures| figures.in_server_p99_ms.unwrap_or(f64::NAN);
        let of = |load, value: fn(&Figures) -> f64| self.row(name, load).and_then(|row| row.median(value));
        let mut targets = vec![
            ("us per packet at 100 viewers".to_owned(), self.us(name, at_100), "<= 3.0"),
            ("times the floor at 100 viewers".to_owned(), of(at_100, Figures::ratio), "<= 3.3"),
            (
                "cost of a packet at 400 viewers over that at 50".to_owned(),
                self.us(name, at_400).zip(self.us(name, at_50)).map(|(many, few)| many / few),
                "<= 1.15",
            ),
            ("p99 recv-to-send at half load, rooms with panels, ms".to_owned(), of(half_panels, p99_ms), "<= 1"),
            ("p99 recv-to-send at half load, one feed to an audience, ms".to_owned(), of(Load::Half, p99_ms), "<= 1"),
            ("KiB per viewer at 100 viewers".to_owned(), of(at_100, |figures| figures.kib_per_viewer), "<= 150"),
            ("KiB per viewer at 400 viewers".to_owned(), of(at_400, |figures| figures.kib_per_viewer), "<= 150"),
        ];
        let peers: BTreeSet<&str> =
            self.rows.iter().map(|row| row.name.as_str()).filter(|peer| *peer != name).collect();
        for peer in peers {
            let less = self.us(peer, at_100).zip(self.us(name, at_100)).map(|(theirs, ours)| theirs / ours);
            let wanted = match peer {
                "Janus" => ">= 10",
                "mediasoup" => ">= 5",
                _ => "",
            };
            targets.push((format!("times less than {peer} at 100 viewers"), less, wanted));
        }
        targets
    }

    /// Writes it all as Markdown; targets are those of the server of this name, for panels of so many feeds and experts.
    pub fn markdown(&self, name: &str, panel: (usize, usize)) -> String {
        let mut text = format!("{HEAD}\n");
        self.rows.iter().for_each(|row| text += &format!("{row}\n"));
        self.notes.iter().for_each(|note| text += &format!("\n{note}\n"));
        text += "\n| target | median | wanted |\n|---|---|---|\n";
        for (what, value, wanted) in self.targets(name, panel) {
            if let Some(value) = value {
                text += &format!("| {what} | {value:.2} | {wanted} |\n");
            }
        }
        text += &format!("\n## Every round\n\n{HEAD}\n");
        for row in &self.rows {
            for figures in &row.all {
                text += &format!("{}\n", Row { name: row.name.clone(), load: row.load, all: vec![*figures] });
            }
        }
        text
    }
}

impl Row {
    fn median(&self, value: impl Fn(&Figures) -> f64) -> Option<f64> {
        median(self.all.iter().map(value)).map(|(median, ..)| median)
    }

    /// The median, and the best and worst where there are more than one.
    fn spread(&self, digits: usize, value: impl Fn(&Figures) -> Option<f64>) -> String {
        match median(self.all.iter().filter_map(value)) {
            None => "-".to_owned(),
            Some((median, ..)) if self.all.len() == 1 => format!("{median:.digits$}"),
            Some((median, best, worst)) => format!("{median:.digits$} [{best:.digits$}..{worst:.digits$}]"),
        }
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |digits, value: fn(&Figures) -> f64| {
            self.median(value).map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let load = match self.load {
            Load::Viewers(viewers) => viewers.to_string(),
            Load::Half => format!("{}, half load", one(0, |figures| figures.viewers as f64)),
            Load::Panel(feeds, experts) => format!("{feeds} feeds to {experts}"),
            Load::HalfPanels(feeds, experts) => {
                let rooms = self.median(|figures| figures.viewers as f64).unwrap_or_default() / experts as f64;
                format!("{rooms:.0} rooms with {feeds} feeds to {experts}, half load")
            }
        };
        let doubtful = self.all.iter().filter(|figures| figures.doubts().next().is_some()).count();
        let why: BTreeSet<&str> = self.all.iter().flat_map(Figures::doubts).collect();
        let why: Vec<&str> = why.into_iter().collect();
        write!(
            f,
            "| {} | {load} | {} | {} | {} | {} | {} % | {} / {} | {} / {} | {} | {} | {} |",
            self.name,
            self.spread(2, |figures| Some(figures.us_per_packet)),
            one(2, |figures| figures.floor_us),
            self.spread(2, |figures| Some(figures.ratio())),
            one(2, |figures| figures.core),
            self.spread(2, |figures| Some(figures.lost * 100.0)),
            self.spread(2, |figures| figures.in_server_p50_ms),
            self.spread(2, |figures| figures.in_server_p99_ms),
            self.spread(2, |figures| figures.end_to_end_p50_ms),
            self.spread(2, |figures| figures.end_to_end_p99_ms),
            one(0, |figures| figures.kib_per_viewer),
            one(2, |figures| figures.shares.load),
            if doubtful == 0 { String::new() } else { format!("{doubtful}: {}", why.join(", ")) },
        )
    }
}
