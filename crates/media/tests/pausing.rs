//! Layers that nobody watches: what a publisher is told, and what viewers see of it.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

mod net;

use net::is_contiguous;
use net::surgeon::Surgeon;

const TWO: &[&str] = &["small", "full"];
const THREE: &[&str] = &["small", "half", "full"];

/// Publishers that obey after 0.1, 0.6 and 1.2 seconds, in frames.
const SLOW: [u32; 3] = [3, 18, 36];

#[test]
fn a_layer_that_nobody_watches_is_paused_and_comes_back_when_somebody_does() {
    let mut surgeon = Surgeon::new(TWO, 1);
    surgeon.run(60);
    let (viewer, sink) = surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(300);
    assert!(
        surgeon.cameras[0].told.is_empty(),
        "the large one is watched, and the small one always comes: {:?}",
        surgeon.cameras[0].told
    );
    assert_eq!(surgeon.seen(viewer, 0).last().map(|(layer, _)| *layer), Some(1));

    surgeon.resize(sink, 320, 180);
    let small_at = surgeon.frame;
    surgeon.run(1100);
    assert_eq!(surgeon.cameras[0].told(), [["small"]]);
    let paused_at = surgeon.cameras[0].told[0].0;
    assert!(paused_at - small_at > 880, "half a minute, for whoever looks back at once: {}", paused_at - small_at);
    let resting = surgeon.net.router.report().counters.keyframe_requests_upstream;
    surgeon.run(900);
    let asked = surgeon.net.router.report().counters.keyframe_requests_upstream - resting;
    assert_eq!((surgeon.cameras[0].told().len(), asked), (1, 0), "a paused layer is left in peace");

    let before = surgeon.net.peers[viewer].received.len();
    surgeon.resize(sink, 1280, 720);
    let large_at = surgeon.frame;
    surgeon.run(60);
    assert_eq!(surgeon.cameras[0].told(), [&["small"][..], &["small", "full"]]);
    assert!(
        surgeon.cameras[0].told[1].0 - large_at <= 1,
        "at once: after {} frames",
        surgeon.cameras[0].told[1].0 - large_at
    );
    let seen = surgeon.seen(viewer, before);
    let changed = seen.windows(2).filter(|two| two[0].0 != two[1].0).count();
    assert_eq!(
        (seen[0].0, changed, seen.last().map(|last| last.0)),
        (0, 1, Some(1)),
        "from small to large, once: {seen:?}"
    );
    assert!(seen.windows(2).all(|two| two[1].1 >= two[0].1), "nothing of what was before the pause: {seen:?}");
    let late = seen.iter().find(|(layer, _)| *layer == 1).map(|(_, frame)| frame - large_at);
    assert!(late.is_some_and(|late| late <= surgeon.slowness + 2), "{late:?} frames later");
    assert!(is_contiguous(&surgeon.net.peers[viewer].sequences()), "one stream to the viewer");
}

#[test]
fn what_nobody_watches_at_all_comes_small() {
    let mut surgeon = Surgeon::new(TWO, 1);
    surgeon.run(1000);
    assert_eq!(surgeon.cameras[0].told(), [["small"]]);
    let (viewer, _) = surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(2);
    assert_eq!(surgeon.seen(viewer, 0).first().map(|(layer, _)| *layer), Some(0), "a picture at once, from the cache");
    let came_at = surgeon.frame;
    surgeon.run(10);
    assert_eq!(surgeon.cameras[0].told().last(), Some(&vec!["small", "full"]));
    assert!(surgeon.cameras[0].told[1].0 <= came_at, "and the publisher knows at once");
    assert_eq!(surgeon.seen(viewer, 0).last().map(|(layer, _)| *layer), Some(1), "then what was asked for");
}

#[test]
fn a_publisher_that_is_not_told_goes_on_and_is_shown_as_ever() {
    let mut surgeon = Surgeon::new(TWO, 1);
    surgeon.slowness = u32::MAX / 2;
    surgeon.run(1000);
    assert_eq!(surgeon.cameras[0].told(), [["small"]]);
    let (viewer, _) = surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(2);
    assert_eq!(surgeon.seen(viewer, 0).first().map(|(layer, _)| *layer), Some(1), "its cache is whole");
}

#[test]
fn what_another_worker_wants_is_watched() {
    let mut surgeon = Surgeon::new(TWO, 1);
    let trunk = media::TrunkId(1);
    surgeon.net.router.open_trunk(trunk);
    surgeon.net.router.want(surgeon.net.now, trunk, surgeon.cameras[0].track, true);
    surgeon.run(1000);
    assert!(surgeon.cameras[0].told.is_empty(), "{:?}", surgeon.cameras[0].told);
    surgeon.net.router.want(surgeon.net.now, trunk, surgeon.cameras[0].track, false);
    surgeon.run(1000);
    assert_eq!(surgeon.cameras[0].told(), [["small"]]);
}

/// A browser's line has room for one large picture, and it goes on with the one that it has.
#[test]
fn what_nobody_watches_gives_way_at_once_where_a_line_has_no_room_for_what_somebody_does() {
    SLOW.into_iter().for_each(gives_way);
}

fn gives_way(slowness: u32) {
    let mut surgeon = Surgeon::new(TWO, 2);
    (surgeon.room_for, surgeon.slowness) = (1, slowness);
    let (viewer, sink) = surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(1000);
    assert_eq!(surgeon.cameras[1].told(), [["small"]]);
    let (before, chosen_at) = (surgeon.net.peers[viewer].received.len(), surgeon.frame);
    surgeon.net.watch(sink, surgeon.cameras[1].track);
    surgeon.run(90);
    assert_eq!(surgeon.cameras[0].told(), [["small"]], "no half minute for who looks back");
    let seen = surgeon.seen(viewer, before);
    let late = seen.iter().find(|(layer, _)| *layer == 1).map(|(_, frame)| frame - chosen_at);
    assert!(late.is_some_and(|late| late <= 20 + slowness), "the large one {late:?} frames later: {seen:?}");
}

#[test]
fn the_next_best_is_asked_for_only_where_the_best_does_not_come() {
    for (room_for, slowness) in [0, 1].into_iter().flat_map(|room_for| SLOW.map(|slowness| (room_for, slowness))) {
        let mut surgeon = Surgeon::new(THREE, 1);
        surgeon.slowness = slowness;
        surgeon.run(1000);
        surgeon.room_for = room_for;
        let (viewer, _) = surgeon.net.viewer(surgeon.cameras[0].track);
        let chosen_at = surgeon.frame;
        surgeon.run(90 + slowness);
        let told: Vec<_> = surgeon.cameras[0].told.iter().filter(|(at, _)| *at >= chosen_at).collect();
        let rids: Vec<_> = told.iter().map(|(_, rids)| rids.join(",")).collect();
        let seen = surgeon.seen(viewer, 0).last().map(|(layer, _)| *layer);
        if room_for > 0 {
            let wanted = vec!["small,full".to_owned()];
            assert_eq!((rids, seen), (wanted, Some(2)), "{slowness}: it costs the encoder nothing else");
        } else {
            let wanted = ["small,full", "small,half,full"].map(str::to_owned).to_vec();
            assert_eq!((rids, seen), (wanted, Some(1)));
            let late = told[1].0 - told[0].0;
            assert!((30..=33 + slowness).contains(&late), "{slowness}: {late} frames later");
        }
    }
}

#[test]
fn a_size_for_which_there_was_no_room_yet_is_not_kept_away_for_ever() {
    let mut surgeon = Surgeon::new(THREE, 1);
    surgeon.room_for = 0;
    surgeon.run(1000);
    assert_eq!(surgeon.cameras[0].told(), [["small"]]);
    surgeon.room_for = 1;
    let (viewer, _) = surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(30);
    assert_eq!(surgeon.cameras[0].told(), [&["small"][..], &["small", "full"]], "and nothing is begun instead of it");
    assert_eq!(surgeon.seen(viewer, 0).last().map(|(layer, _)| *layer), Some(2));
}

#[test]
fn for_a_size_that_has_never_come_what_nobody_watches_gives_way_too() {
    let mut surgeon = Surgeon::new(THREE, 2);
    surgeon.room_for = 0;
    surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(40);
    assert!(surgeon.cameras[0].told.is_empty(), "all of it is watched: {:?}", surgeon.cameras[0].told);
    assert_eq!(surgeon.cameras[1].told(), [["small"]]);
}

/// Who looks at one camera large and at the other small changes over.
#[test]
fn whoever_changes_over_has_the_large_one_alone_however_slow_the_publisher_is() {
    for slowness in SLOW {
        let mut surgeon = Surgeon::new(THREE, 2);
        (surgeon.room_for, surgeon.slowness) = (1, slowness);
        surgeon.run(60);
        let viewers = [0, 1].map(|camera| surgeon.net.viewer(surgeon.cameras[camera].track));
        surgeon.resize(viewers[1].1, 320, 180);
        surgeon.run(1000);
        for large in [1, 0, 1, 0] {
            let (viewer, sink) = viewers[large];
            let (changed_at, before) = (surgeon.frame, surgeon.net.peers[viewer].received.len());
            surgeon.resize(sink, 1280, 720);
            surgeon.resize(viewers[1 - large].1, 320, 180);
            surgeon.run(150);
            let told = [large, 1 - large].map(|camera| surgeon.told_since(camera, changed_at));
            let rids = told.each_ref().map(|told| told.iter().map(|(_, rids)| rids.as_str()).collect::<Vec<_>>());
            assert_eq!(rids, [["small+full"], ["small"]], "nothing else is encoded: {slowness} {told:?}");
            let seen = surgeon.seen(viewer, before);
            let late = seen.iter().find(|(layer, _)| *layer == 2).map(|(_, frame)| frame - changed_at);
            assert!(late.is_some_and(|late| late <= 20 + slowness), "{slowness}: the large one after {late:?} frames");
            // The small one moves until the large one is there.
            assert!(seen.windows(2).all(|two| two[1].1 == two[0].1 + 1), "{slowness}: every frame: {seen:?}");
        }
    }
}

#[test]
fn what_is_too_large_is_not_asked_for_because_something_smaller_does_not_come() {
    for slowness in SLOW {
        let mut surgeon = Surgeon::new(THREE, 1);
        surgeon.slowness = slowness;
        let (viewer, sink) = surgeon.net.viewer(surgeon.cameras[0].track);
        surgeon.run(60);
        surgeon.resize(sink, 640, 360);
        surgeon.run(1000);
        assert_eq!(surgeon.cameras[0].told(), [["small", "half"]]);
        let (narrow_at, before) = (surgeon.frame, surgeon.net.peers[viewer].received.len());
        surgeon.cameras[0].carries = 1;
        surgeon.run(900);
        assert_eq!(surgeon.told_since(0, narrow_at), [], "it knows what is wanted");
        assert_eq!(surgeon.seen(viewer, before).last().map(|(layer, _)| *layer), Some(0));
        surgeon.cameras[0].carries = 2;
        surgeon.run(30);
        assert_eq!(surgeon.seen(viewer, before).last().map(|(layer, _)| *layer), Some(1), "as soon as it comes");
    }
}

/// A surgeon whose large picture somebody watches, and whose line carries the smallest only from this frame on.
fn narrowed(cameras: usize) -> (Surgeon, u32) {
    let mut surgeon = Surgeon::new(THREE, cameras);
    surgeon.net.viewer(surgeon.cameras[0].track);
    surgeon.run(1000);
    assert_eq!(surgeon.cameras[0].told(), [["small", "full"]]);
    surgeon.cameras.iter_mut().for_each(|camera| camera.carries = 1);
    let narrow_at = surgeon.frame;
    (surgeon, narrow_at)
}

/// After how many frames the middle size was asked for.
fn asked_for_half(surgeon: &Surgeon, since: u32) -> Vec<u32> {
    let told = surgeon.told_since(0, since).into_iter();
    told.filter(|(_, rids)| rids.contains("half")).map(|(at, _)| at).collect()
}

#[test]
fn what_does_not_come_is_asked_for_more_and_more_seldom() {
    let (mut surgeon, narrow_at) = narrowed(1);
    surgeon.run(9000);
    let asked = asked_for_half(&surgeon, narrow_at);
    let pauses: Vec<_> = asked.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(pauses.len() > 5 && pauses.windows(2).all(|two| two[1] + 10 > two[0]), "{pauses:?}");
    assert!(pauses[0] < 200 && pauses.iter().all(|frames| *frames < 2000), "a minute at most: {pauses:?}");
    assert!(asked.iter().filter(|at| **at > 4500).count() <= 3, "{asked:?}");
}

#[test]
fn what_does_not_come_is_asked_for_again_at_once_when_the_line_is_wider_or_something_else_is_wanted() {
    for is_wider in [true, false] {
        let (mut surgeon, narrow_at) = narrowed(2);
        let (_, other) = surgeon.net.viewer(surgeon.cameras[1].track);
        surgeon.run(1200);
        let last = asked_for_half(&surgeon, narrow_at).last().copied().expect("it was asked for");
        assert!(last + 200 < 1200, "not for a while: {last}");
        let change_at = surgeon.frame;
        if is_wider {
            surgeon.cameras[1].carries = 3;
        } else {
            surgeon.resize(other, 320, 180);
        }
        surgeon.run(60);
        assert_eq!(asked_for_half(&surgeon, change_at).len(), 1, "{is_wider}");
    }
}

#[test]
fn what_was_asked_for_instead_rests_as_soon_as_what_is_wanted_is_there() {
    let (mut surgeon, mut changed_at) = narrowed(1);
    // Where it is needed again soon, it stays as long as others do.
    for rests_at_once in [true, false] {
        surgeon.cameras[0].carries = 2;
        surgeon.run(150);
        assert_eq!(surgeon.told_since(0, changed_at).last().map(|(_, rids)| rids.as_str()), Some("small+half+full"));
        assert!(surgeon.cameras[0].sends[1]);
        changed_at = surgeon.frame;
        surgeon.cameras[0].carries = 3;
        surgeon.run(60);
        let told = surgeon.told_since(0, changed_at);
        let rests = told.iter().find(|(_, rids)| rids == "small+full").map(|(at, _)| *at);
        assert_eq!(rests.is_some_and(|frames| frames < 10), rests_at_once, "{told:?}");
    }
    surgeon.run(1000);
    assert_eq!(surgeon.told_since(0, changed_at).last().map(|(_, rids)| rids.as_str()), Some("small+full"));
}
