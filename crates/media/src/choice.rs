//! Which layer of its track a sink shows, and which of its spatial layers: decided here and nowhere else.

use std::cmp::Reverse;
use std::time::Instant;

use str0m::media::Rid;

use crate::layer::Layer;
use crate::size::Size;

/// What the best layer is taken for where no keyframe says its size; each below it, in order of rate, has half of it.
const ASSUMED: Size = Size { width: 1920, height: 1080 };

/// Which quality of its track a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    /// Sent by the publisher, under the name that it has in simulcast.
    Sent(Option<Rid>),
    /// Made in the server of the only one that the publisher sends.
    Thumbnail,
}

/// What one sink wants of whatever track it is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    /// How large its picture is on the screen; none where the viewer does not say. Nothing larger is sent than is needed
    /// for it.
    pub(crate) size: Option<Size>,
    /// More than this its viewer's line has not for it, in bits per second; none where that is no matter.
    pub(crate) most_bps: Option<u64>,
}

/// The layer to show to somebody who wants this and is shown `showing`: the smallest that is large enough, else the
/// largest. A layer that brings nothing is left for any that does.
pub(crate) fn choose(now: Instant, layers: &[Layer], wants: Wants, showing: Option<usize>) -> Option<usize> {
    let brings = |at: &usize| is_alive(now, layers, *at);
    let any_brings = (0..layers.len()).any(|at| brings(&at));
    let may_be = |at: &usize| if any_brings { brings(at) } else { layers[*at].is_sent() };
    let chosen = pick(layers, (0..layers.len()).filter(may_be), wants)?;
    Some(showing.filter(|from| may_be(from) && !differs(layers, *from, chosen)).unwrap_or(chosen))
}

/// The layer that somebody who wants this is to come to, of those that bring pictures or may soon. What is larger than the best
/// for it is not waited for where that does not come: it would not come either.
pub(crate) fn prefer(now: Instant, layers: &[Layer], wants: Wants) -> Option<usize> {
    let best = prefer_sent(layers, wants).map(|best| largeness(layers, best));
    let is_too_large = |at: usize| best.is_some_and(|best| largeness(layers, at) > best) && !is_alive(now, layers, at);
    pick(layers, (0..layers.len()).filter(|at| is_available(now, layers, *at) && !is_too_large(*at)), wants)
}

/// The layer that somebody who wants this is to come to, of all that the publisher sends, or would if it could.
pub(crate) fn prefer_sent(layers: &[Layer], wants: Wants) -> Option<usize> {
    pick(layers, (0..layers.len()).filter(|at| layers[*at].is_sent()), wants)
}

/// True if somebody who wants this would see a larger layer than this, if there were any.
pub(crate) fn wants_more(layers: &[Layer], at: usize, wants: Wants) -> bool {
    wants.most_bps.is_none() && !wants.size.is_some_and(|wanted| size_of(layers, at).is_enough_for(wanted))
}

/// The smallest layer that the publisher sends.
pub(crate) fn smallest_sent(layers: &[Layer]) -> Option<usize> {
    (0..layers.len()).filter(|at| layers[*at].is_sent()).min_by_key(|at| largeness(layers, *at))
}

fn pick(layers: &[Layer], candidates: impl Iterator<Item = usize> + Clone, wants: Wants) -> Option<usize> {
    let largest = candidates.clone().max_by_key(|at| largeness(layers, *at))?;
    let is_enough = |at: &usize| wants.size.is_some_and(|wanted| size_of(layers, *at).is_enough_for(wanted));
    let smallest =
        candidates.clone().filter(is_enough).min_by_key(|at| (size_of(layers, *at).area(), Reverse(rate(layers, *at))));
    let chosen = smallest.unwrap_or(largest);
    Some(wants.most_bps.map_or(chosen, |most| within(layers, candidates, chosen, most)))
}

/// The highest spatial layer of a layer for somebody who wants this: the lowest that is large enough, as far as the line has
/// room for it. What is above is left out.
pub(crate) fn choose_spatial(layer: &Layer, wants: Wants) -> u8 {
    let (top, whole) = (layer.spatial.top(), layer.size.unwrap_or(ASSUMED));
    if top == 0 {
        return u8::MAX;
    }
    let is_enough = |at: &u8| wants.size.is_some_and(|wanted| layer.spatial.size(*at, whole).is_enough_for(wanted));
    let is_carried = |at: &u8| wants.most_bps.is_none_or(|most| layer.rate_up_to(*at).bps <= most);
    // Whatever comes, where nothing speaks against it.
    let enough = (0..top).find(is_enough).unwrap_or(u8::MAX);
    match (0..=enough.min(top)).rev().find(is_carried) {
        Some(at) if at < top => at,
        Some(_) => enough,
        None => 0,
    }
}

/// The best that a line has room for, no better than `chosen`; the least where it has room for nothing.
fn within(layers: &[Layer], candidates: impl Iterator<Item = usize> + Clone, chosen: usize, most_bps: u64) -> usize {
    let rate = |at: &usize| layers[*at].rate.bps;
    let no_better = candidates.filter(|at| rate(at) <= rate(&chosen));
    let fitting = no_better.clone().filter(|at| rate(at) <= most_bps).max_by_key(rate);
    fitting.or_else(|| no_better.min_by_key(rate)).unwrap_or(chosen)
}

/// True if the layer brings pictures now. A thumbnail also lacks them where its source does, only a little later.
pub(crate) fn is_alive(now: Instant, layers: &[Layer], at: usize) -> bool {
    let is_whole = || layers[at].history.is_whole();
    !layers[at].is_stalled(now)
        && (layers[at].is_sent()
            || is_whole() && layers.iter().any(|source| source.is_sent() && !source.is_stalled(now)))
}

/// True if the layer brings pictures now, or would if somebody wanted them, or will: somebody has just begun to.
pub(crate) fn is_available(now: Instant, layers: &[Layer], at: usize) -> bool {
    layers[at].watch.may_come(now) || is_alive(now, layers, at)
}

/// True if a change from one to the other is worth a keyframe: rates alone vary from second to second.
fn differs(layers: &[Layer], from: usize, to: usize) -> bool {
    let (from_rate, to_rate) = (layers[from].rate.bps, layers[to].rate.bps);
    let is_more = |one: u64, other: u64| one > other * 5 / 4;
    match (layers[from].size, layers[to].size) {
        (Some(from), Some(to)) if from != to => true,
        (Some(_), Some(_)) => from != to && is_more(to_rate, from_rate),
        _ => from != to && (is_more(to_rate, from_rate) || is_more(from_rate, to_rate)),
    }
}

/// What puts layers in order, the smallest first.
fn largeness(layers: &[Layer], at: usize) -> (u32, (u64, u64)) {
    (size_of(layers, at).area(), rate(layers, at))
}

/// What tells layers of one size apart.
fn rate(layers: &[Layer], at: usize) -> (u64, u64) {
    (layers[at].rate.bps, layers[at].traffic.bytes)
}

/// How large a layer's pictures are, as far as is known.
pub(crate) fn size_of(layers: &[Layer], at: usize) -> Size {
    let larger = || layers.iter().filter(|layer| layer.rate.bps > layers[at].rate.bps).count();
    layers[at].size.unwrap_or_else(|| ASSUMED.halved(larger()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::format::Encoding;
    use crate::packet::Packet;
    use crate::parameter_sets::ParameterSets;
    use crate::rate::Rate;

    const H264: Encoding = Encoding::H264 { packetization_mode: 1, profile_idc: 66 };

    fn layer(now: Instant, quality: Quality, size: Option<(u16, u16)>, rate_bytes: u64) -> Layer {
        let mut layer =
            Layer::new(now, (now, Duration::ZERO), quality, (H264, rate_bytes as u32), ParameterSets::default());
        layer.take_copy(now, &Packet::example(now, 1, 0, true));
        layer.size = size.map(|(width, height)| Size { width, height });
        layer.rate = Rate::steady(rate_bytes * 8);
        layer
    }

    fn sent(now: Instant, size: Option<(u16, u16)>, rate_bytes: u64) -> Layer {
        layer(now, Quality::Sent(None), size, rate_bytes)
    }

    fn wants(width: u16, height: u16) -> Wants {
        Wants { size: Some(Size { width, height }), most_bps: None }
    }

    #[test]
    fn the_smallest_that_is_large_enough() {
        let now = Instant::now();
        let sizes = [(320, 180), (1280, 720), (640, 360)];
        let layers = sizes.map(|size| sent(now, Some(size), u64::from(size.0)));
        for (wanted, chosen) in
            [((0, 0), 0), ((320, 180), 0), ((300, 300), 0), ((321, 181), 2), ((640, 361), 2), ((641, 361), 1)]
        {
            assert_eq!(choose(now, &layers, wants(wanted.0, wanted.1), None), Some(chosen), "{wanted:?}");
        }
        assert_eq!(choose(now, &layers, wants(3840, 2160), None), Some(1), "none is large enough");
        assert_eq!(choose(now, &layers, Wants::default(), None), Some(1), "nobody has said");
        assert_eq!(
            choose(now, &layers, wants(200, 700), None),
            Some(0),
            "it is shown whole, and so no higher than wide"
        );
        assert_eq!(choose(now, &[], wants(200, 700), None), None);
    }

    #[test]
    fn no_more_than_the_line_has() {
        let now = Instant::now();
        let layers = [2000, 120, 500].map(|rate| sent(now, None, rate));
        for (most_bps, chosen) in [(None, 0), (Some(16_000), 0), (Some(15_999), 2), (Some(3999), 1), (Some(0), 1)] {
            assert_eq!(choose(now, &layers, Wants { size: None, most_bps }, Some(0)), Some(chosen), "{most_bps:?}");
        }
        let small = Wants { most_bps: Some(16_000), ..wants(480, 270) };
        assert_eq!(choose(now, &layers, small, Some(0)), Some(1), "nor than it needs");
    }

    #[test]
    fn of_one_size_the_one_with_the_higher_rate() {
        let now = Instant::now();
        let layers = [400, 900].map(|rate| sent(now, Some((1280, 720)), rate));
        assert_eq!(choose(now, &layers, wants(640, 360), None), Some(1));
        assert_eq!(choose(now, &layers, Wants::default(), Some(0)), Some(1));
        let layers = [800, 900].map(|rate| sent(now, Some((1280, 720)), rate));
        assert_eq!(choose(now, &layers, Wants::default(), Some(0)), Some(0), "not worth a change");
    }

    #[test]
    fn where_no_size_is_known_the_rates_are_in_order() {
        let now = Instant::now();
        let layers = [2000, 120, 500].map(|rate| sent(now, None, rate));
        for (wanted, chosen) in [((480, 270), 1), ((960, 540), 2), ((961, 541), 0)] {
            assert_eq!(choose(now, &layers, wants(wanted.0, wanted.1), None), Some(chosen), "{wanted:?}");
        }
        assert_eq!(choose(now, &layers, Wants::default(), None), Some(0));
    }

    /// A layer of VP9 whose spatial layers bring 2, 6 and 24 kB a second.
    fn layered(now: Instant, size: Option<(u16, u16)>) -> Layer {
        let mut layer = sent(now, None, 0);
        for (spatial_layer, count) in (0..3).zip([19, 40, 180]) {
            for _ in 0..count {
                let packet = Packet::example(now, layer.fresh.count() + 1, 0, false);
                layer.take_copy(now, &Packet { spatial_layer, ..packet });
            }
        }
        layer.measure(now + Duration::from_secs(1));
        layer.size = size.map(|(width, height)| Size { width, height });
        layer
    }

    #[test]
    fn the_lowest_spatial_layer_that_is_large_enough() {
        let now = Instant::now();
        let layer = layered(now, Some((1280, 720)));
        for (wanted, chosen) in [((320, 180), 0), ((321, 181), 1), ((640, 360), 1), ((641, 361), u8::MAX)] {
            assert_eq!(choose_spatial(&layer, wants(wanted.0, wanted.1)), chosen, "{wanted:?}");
        }
        assert_eq!(choose_spatial(&layer, Wants::default()), u8::MAX, "nobody has said");
        assert_eq!(choose_spatial(&layered(now, None), wants(480, 270)), 0, "of 1920 x 1080, as far as is known");
        assert_eq!(choose_spatial(&sent(now, Some((1280, 720)), 900), wants(320, 180)), u8::MAX, "it has one");
    }

    #[test]
    fn no_more_spatial_layers_than_the_line_has_room_for() {
        let now = Instant::now();
        let layer = layered(now, Some((1280, 720)));
        for (most_bps, chosen) in [(192_000, u8::MAX), (191_999, 1), (48_000, 1), (47_999, 0), (0, 0)] {
            let wants = Wants { size: None, most_bps: Some(most_bps) };
            assert_eq!(choose_spatial(&layer, wants), chosen, "{most_bps}");
        }
        let small = Wants { most_bps: Some(192_000), ..wants(320, 180) };
        assert_eq!(choose_spatial(&layer, small), 0, "nor than it needs");
    }

    #[test]
    fn what_brings_nothing_is_left() {
        let start = Instant::now();
        let now = start + Duration::from_secs(1);
        let layers = [sent(start, Some((320, 180)), 100), sent(now, Some((1280, 720)), 900)];
        assert_eq!(choose(now, &layers, wants(320, 180), Some(0)), Some(1));
        let later = now + Duration::from_secs(1);
        assert_eq!(choose(later, &layers, wants(320, 180), Some(1)), Some(0), "neither does");
    }

    #[test]
    fn a_thumbnail_is_as_alive_as_what_it_is_made_of() {
        let start = Instant::now();
        let now = start + Duration::from_secs(1);
        let thumbnail = |at| layer(at, Quality::Thumbnail, Some((320, 180)), 20);
        let made_of = |at| sent(at, Some((1920, 1080)), 900);
        assert_eq!(
            choose(now, &[made_of(now), thumbnail(start)], wants(320, 180), Some(0)),
            Some(1),
            "one may be slow"
        );
        assert_eq!(choose(now, &[made_of(now), thumbnail(start)], wants(321, 181), Some(1)), Some(0));
        assert_eq!(choose(now, &[made_of(start), thumbnail(now)], Wants::default(), Some(0)), Some(0));
        assert_eq!(choose(now, &[made_of(start), thumbnail(now)], wants(320, 180), Some(1)), Some(0));
    }
}
