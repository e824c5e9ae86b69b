//! What is said of a publisher's line.

#![allow(clippy::disallowed_methods, reason = "a test must begin at some instant")]

mod net;

use media::{LineCondition, News};
use net::Net;

/// Sends frames of which every third packet is lost on the way, until that has been said; gives the conditions so far.
fn send_over_a_bad_line(net: &mut Net, publisher: usize) -> Vec<LineCondition> {
    for frame in 0..200 {
        net.send_frame(publisher, 0, frame % 30 == 0);
        let mut count = 0;
        net.peers[publisher].outgoing.retain(|(_, _, _, datagram)| {
            let is_media = matches!(datagram.first(), Some(128..=191));
            count += u32::from(is_media);
            !is_media || count % 3 != 0
        });
        net.run(33);
    }
    said(net)
}

fn said(net: &mut Net) -> Vec<LineCondition> {
    let news = std::mem::take(&mut net.news);
    let line = |news| if let News::Line(_, condition) = news { Some(condition) } else { None };
    news.into_iter().filter_map(line).collect()
}

#[test]
fn a_line_that_carries_nothing_any_more_is_not_called_bad() {
    let mut net = Net::new();
    let (publisher, track) = net.feed();
    assert_eq!(send_over_a_bad_line(&mut net, publisher).last(), Some(&LineCondition::Poor));
    net.router.unbind_track(track);
    net.run(100);
    assert_eq!(said(&mut net), [LineCondition::Good], "its session is kept, and nothing is known of it");
    // What it publishes next is judged anew.
    net.track(publisher, 0);
    assert_eq!(send_over_a_bad_line(&mut net, publisher).last(), Some(&LineCondition::Poor));
}
