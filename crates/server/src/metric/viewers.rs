//! How viewers fare: by role for all of them, one by one for the panel and the sites.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

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
            each_member(shown, worker, family, &[], path_to)
        })?;
        let help = "How long a member of the panel or of a site is told to hold its pictures back.";
        self.each("member_playout_delay_seconds", help, MetricType::Gauge, |family, worker, shown| {
            each_member(shown, worker, family, &[], |viewer| Some(viewer.sink.playout_delay))
        })?;
        let help = "Age of the oldest picture of a member of the panel or of a site: when it left, when it came there, on \
            the screen.";
        self.each("member_age_seconds", help, MetricType::Gauge, |family, worker, shown| {
            Stage::ALL.iter().try_for_each(|stage| {
                let age = |viewer: &ViewerReport| age_of(viewer, *stage, shown.at);
                each_member(shown, worker, family, &[("at", stage.as_str())], age)
            })
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
    value: impl Fn(&ViewerReport) -> Option<Duration>,
) -> fmt::Result {
    for (report, _) in &shown.rooms {
        let mut most: BTreeMap<MemberId, (&ViewerReport, Duration)> = BTreeMap::new();
        for viewer in report.viewers.iter().filter(|viewer| viewer.rank == Rank::Panel) {
            let Some(value) = value(viewer) else { continue };
            let known = most.entry(viewer.member).or_insert((viewer, value));
            known.1 = known.1.max(value);
        }
        for (member, (viewer, value)) in most {
            let member = member.to_string();
            let site = viewer.site.as_ref().map_or("", |site| site.as_str());
            let (room, role) = (report.room.as_str(), viewer.role.as_str());
            let own: [(&str, &str); 5] =
                [("worker", worker), ("room", room), ("member", &member), ("role", role), ("site", site)];
            let labels: Vec<(&str, &str)> = own.into_iter().chain(more.iter().copied()).collect();
            gauge(family, &labels, value.as_secs_f64())?;
        }
    }
    Ok(())
}
