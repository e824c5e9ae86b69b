//! How viewers fare: by role for all of them, one by one for the panel and the sites.

use std::collections::BTreeMap;
use std::fmt;

use media::Rank;
use prometheus_client::encoding::MetricEncoder;
use prometheus_client::metrics::MetricType;
use room::ViewerReport;
use signaling::MemberId;

use super::{Page, gauge, histogram};
use crate::show::Shown;
use crate::watching::{Had, Stage, age_of, path_to};

impl Page<'_> {
    pub(super) fn watching(&mut self) -> fmt::Result {
        let help = "From the server to a viewer, half of the round trip; every viewer once in five seconds.";
        self.each("viewer_path_seconds", help, MetricType::Histogram, |family, worker, shown| {
            each_role(shown, worker, |labels, had| histogram(family, labels, &had.path))
        })?;
        let help = "How long a viewer is told to hold its pictures back, so that its line does not freeze them; every viewer \
            once in five seconds.";
        self.each("viewer_playout_delay_seconds", help, MetricType::Histogram, |family, worker, shown| {
            each_role(shown, worker, |labels, had| histogram(family, labels, &had.playout_delay))
        })?;
        let help = "From capture to the departure of a picture for a viewer, to its arrival there, to the viewer's screen; \
            every picture once in five seconds.";
        self.each("viewer_age_seconds", help, MetricType::Histogram, |family, worker, shown| {
            each_role(shown, worker, |[worker, room, role], had| {
                Stage::ALL.iter().zip(&had.ages).try_for_each(|(stage, ages)| {
                    histogram(family, &[*worker, *room, *role, ("at", stage.as_str())], ages)
                })
            })
        })
    }

    pub(super) fn viewers(&mut self) -> fmt::Result {
        let help = "From the server to a member of the panel or of a site, half of the round trip.";
        self.each("member_path_seconds", help, MetricType::Gauge, |family, worker, shown| {
            each_member(shown, worker, family, &[], |viewer| Some(path_to(viewer)?.as_secs_f64()))
        })?;
        let help = "How long a member of the panel or of a site is told to hold its pictures back.";
        self.each("member_playout_delay_seconds", help, MetricType::Gauge, |family, worker, shown| {
            each_member(shown, worker, family, &[], |viewer| Some(viewer.sink.playout_delay.as_secs_f64()))
        })?;
        let help = "Age of the oldest picture of a member of the panel or of a site: when it left, when it came there, on \
            the screen.";
        self.each("member_age_seconds", help, MetricType::Gauge, |family, worker, shown| {
            Stage::ALL.iter().try_for_each(|stage| {
                let age = |viewer: &ViewerReport| Some(age_of(viewer, *stage, shown.at)?.as_secs_f64());
                each_member(shown, worker, family, &[("at", stage.as_str())], age)
            })
        })?;
        let help = "What the line to a member of the panel or of a site is estimated to carry, all its slots together, in \
            bits a second.";
        self.each("member_estimate_bps", help, MetricType::Gauge, |family, worker, shown| {
            each_member(shown, worker, family, &[], |viewer| Some(viewer.sink.estimate_bps? as f64))
        })
    }

    /// One by one the slots of the panel and the sites: they are few.
    pub(super) fn slots(&mut self) -> fmt::Result {
        let help = "The most that a slot may have of a member's line, in bits a second, where that is less than it could have; 0 \
            where the line has no room for it.";
        self.each("slot_allocated_bps", help, MetricType::Gauge, |family, worker, shown| {
            each_slot(shown, worker, family, |viewer| (None, viewer.sink.allocated_bps.map(|most| most as f64)))
        })?;
        let help = "What a slot is sent, the fullest of a few seconds, in bits a second; 0 for nothing.";
        self.each("slot_sent_bps", help, MetricType::Gauge, |family, worker, shown| {
            each_slot(shown, worker, family, |viewer| {
                (None, Some(viewer.sink.given.as_ref().map_or(0.0, |given| given.rate_bps as f64)))
            })
        })?;
        let help = "Height in pixels of the layer that a slot is given, 0 where nothing says it. Which that is: of several the rid, \
            of one with spatial layers the number of the highest, the only one, or a thumbnail of that.";
        self.each("slot_height_pixels", help, MetricType::Gauge, |family, worker, shown| {
            each_slot(shown, worker, family, |viewer| {
                let Some(given) = &viewer.sink.given else { return (None, None) };
                (Some(("layer", given.layer.to_string())), Some(given.height.map_or(0.0, f64::from)))
            })
        })?;
        let help = "Part of a slot's packets that was lost on the way, 0 to 1, as its member said last.";
        self.each("slot_loss_ratio", help, MetricType::Gauge, |family, worker, shown| {
            each_slot(shown, worker, family, |viewer| (None, viewer.sink.loss.map(f64::from)))
        })
    }
}

/// Gives what each role of each room has had, with its labels: worker, room and role.
fn each_role(
    shown: &Shown,
    worker: &str,
    mut fill: impl FnMut(&[(&str, &str); 3], &Had) -> fmt::Result,
) -> fmt::Result {
    shown.rooms.iter().try_for_each(|(report, watching)| {
        let room = report.room.as_str();
        watching
            .roles()
            .try_for_each(|(role, had)| fill(&[("worker", worker), ("room", room), ("role", role.as_str())], had))
    })
}

/// One gauge for each member of the panel and of the sites: the most that any of its slots has.
fn each_member(
    shown: &Shown,
    worker: &str,
    family: &mut MetricEncoder<'_>,
    more: &[(&str, &str)],
    value: impl Fn(&ViewerReport) -> Option<f64>,
) -> fmt::Result {
    for (report, _) in &shown.rooms {
        let mut most: BTreeMap<MemberId, (&ViewerReport, f64)> = BTreeMap::new();
        for viewer in report.viewers.iter().filter(|viewer| viewer.rank != Rank::Audience) {
            let Some(value) = value(viewer) else { continue };
            let known = most.entry(viewer.member).or_insert((viewer, value));
            known.1 = known.1.max(value);
        }
        for (viewer, value) in most.into_values() {
            one(worker, report.room.as_str(), viewer, more, family, value)?;
        }
    }
    Ok(())
}

/// One gauge for each slot of a member of the panel or of a site that shows a feed, with one label more perhaps.
fn each_slot(
    shown: &Shown,
    worker: &str,
    family: &mut MetricEncoder<'_>,
    value: impl Fn(&ViewerReport) -> (Option<(&'static str, String)>, Option<f64>),
) -> fmt::Result {
    for (report, _) in &shown.rooms {
        for viewer in report.viewers.iter().filter(|viewer| viewer.rank != Rank::Audience) {
            let (Some(feed), (label, Some(value))) = (viewer.feed, value(viewer)) else { continue };
            let (slot, feed) = (viewer.slot.to_string(), feed.to_string());
            let more: Vec<_> = [("slot", &*slot), ("feed", &*feed)]
                .into_iter()
                .chain(label.as_ref().map(|(name, word)| (*name, &**word)))
                .collect();
            one(worker, report.room.as_str(), viewer, &more, family, value)?;
        }
    }
    Ok(())
}

fn one(
    worker: &str,
    room: &str,
    viewer: &ViewerReport,
    more: &[(&str, &str)],
    family: &mut MetricEncoder<'_>,
    value: f64,
) -> fmt::Result {
    let member = viewer.member.to_string();
    let site = viewer.site.as_ref().map_or("", |site| site.as_str());
    let own = [("worker", worker), ("room", room), ("member", &member), ("role", viewer.role.as_str()), ("site", site)];
    let labels: Vec<(&str, &str)> = own.into_iter().chain(more.iter().copied()).collect();
    gauge(family, &labels, value)
}
