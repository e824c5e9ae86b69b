use signaling::client::OfSite;
use signaling::{FeedId, MemberId, Private};

use super::*;

fn site(name: &str) -> SiteId {
    name.parse().expect("a site id")
}

fn standing(role: Role, of: Option<&str>) -> Standing {
    Standing { role, site: of.map(site), grants: Grants::default() }
}

/// Somebody of a role, of site a if the role has one.
fn at_a(role: Role) -> Standing {
    standing(role, belongs_to_site(role).then_some("a"))
}

fn member(role: Role, of: Option<&str>) -> Member {
    Member::new(MemberId(1), Private::new("Dr. Example".to_owned()), role, of.map(site))
}

fn feed(of: Option<&str>, kind: FeedKind) -> Feed {
    Feed {
        id: FeedId(7),
        member: MemberId(1),
        site: of.map(site),
        kind,
        label: String::new(),
        codec: None,
        muted: false,
        fault: None,
        follows: None,
    }
}

fn scene<'a>(programme: &'a Programme, programme_site: Option<&'a SiteId>) -> Scene<'a> {
    Scene { programme, programme_site, are_sites_joined: false }
}

fn of_a(kind: FeedKind, with_speaker: bool) -> Programme {
    Programme::Shown(Shown { feed: FeedChoice::OfSite(OfSite { site: site("a"), kind }), with_speaker })
}

const OPEN: Programme = Programme::Open;

#[test]
fn who_sees_and_hears_whom_with_nothing_decided() {
    let open = scene(&OPEN, None);
    // role, sees own site, other site, panel; hears own site, other site, panel to all
    let rows = [
        (Role::Lead, [true, true, true], [true, true, true]),
        (Role::Expert, [true, true, true], [true, true, true]),
        (Role::Surgeon, [true, false, true], [false, false, true]),
        (Role::Trainee, [true, true, true], [true, true, true]),
        (Role::Display, [true, false, true], [false, false, true]),
        (Role::Device, [true, false, true], [false, false, true]),
        (Role::Service, [true, true, true], [true, true, true]),
    ];
    assert_eq!(rows.len(), Role::ALL.len());
    for (role, sees, hears) in rows {
        let standing = at_a(role);
        let feeds = [Some("a"), Some("b"), None].map(|of| feed(of, FeedKind::Face));
        assert_eq!(feeds.map(|feed| standing.may_see(&feed, open)), sees, "{role:?}");
        let mut expert = member(Role::Expert, None);
        expert.speaks_to = Direction::All;
        let speakers = [member(Role::Surgeon, Some("a")), member(Role::Surgeon, Some("b")), expert];
        assert_eq!(speakers.map(|speaker| standing.may_hear(&speaker, open)), hears, "{role:?}");
    }
}

#[test]
fn what_a_member_shows_has_a_site_or_is_a_face_or_a_screen() {
    for role in Role::ALL {
        for kind in FeedKind::ALL {
            let anyones = matches!(kind, FeedKind::Face | FeedKind::Screen);
            let may = at_a(role).may(Act::Show) && (anyones || belongs_to_site(role));
            assert_eq!(at_a(role).may_show(kind), may, "{role:?} {kind:?}");
        }
    }
}

#[test]
fn the_voice_of_the_panel_goes_where_it_is_for() {
    let open = scene(&OPEN, None);
    // whom it is for, what it attends: heard at a, at b, by the audience, by a service; by the panel always
    let rows = [
        (Direction::Attended, vec![], [false, false, true, true]),
        (Direction::Attended, vec![site("a")], [true, false, true, true]),
        (Direction::Attended, vec![site("a"), site("b")], [true, true, true, true]),
        (Direction::All, vec![], [true, true, true, true]),
        (Direction::Panel, vec![site("a")], [false, false, false, false]),
    ];
    for (speaks_to, attends, heard) in rows {
        let expert = Member { speaks_to, attends: attends.clone(), ..member(Role::Expert, None) };
        let listeners = [
            standing(Role::Surgeon, Some("a")),
            standing(Role::Display, Some("b")),
            standing(Role::Trainee, None),
            standing(Role::Service, None),
        ];
        let hears = listeners.map(|listener| listener.may_hear(&expert, open));
        assert_eq!(hears, heard, "{speaks_to:?} {attends:?}");
        for role in [Role::Lead, Role::Expert] {
            assert!(standing(role, None).may_hear(&expert, open), "{role:?}");
        }
    }
}

#[test]
fn the_audience_sees_and_hears_the_programme_and_nothing_else() {
    let audience = Standing::audience();
    let (a, programme) = (site("a"), of_a(FeedKind::Endoscope, false));
    let shown = scene(&programme, Some(&a));
    assert!(audience.may_see(&feed(Some("a"), FeedKind::Endoscope), shown));
    assert!(!audience.may_see(&feed(Some("a"), FeedKind::Room), shown));
    assert!(!audience.may_see(&feed(Some("b"), FeedKind::Endoscope), shown));
    assert!(!audience.may_see(&feed(None, FeedKind::Face), shown));
    assert!(audience.may_hear(&member(Role::Surgeon, Some("a")), shown));
    assert!(!audience.may_hear(&member(Role::Surgeon, Some("b")), shown));
    assert!(audience.may_know(&member(Role::Surgeon, Some("a")), shown));
    assert!(!audience.may_know(&member(Role::Surgeon, Some("b")), shown));
    let expert = |attends: &str| Member { attends: vec![site(attends)], ..member(Role::Expert, None) };
    assert!(audience.may_hear(&expert("a"), shown));
    assert!(!audience.may_hear(&expert("b"), shown), "what is said to another site");
    let with_speaker = of_a(FeedKind::Endoscope, true);
    assert!(audience.may_see(&feed(None, FeedKind::Face), scene(&with_speaker, Some(&a))));
    assert!(!audience.may_see(&feed(None, FeedKind::Screen), scene(&with_speaker, Some(&a))));
    let dark = scene(&Programme::Dark, None);
    for of in [Some("a"), None] {
        assert!(FeedKind::ALL.iter().all(|kind| !audience.may_see(&feed(of, *kind), dark)));
        assert!(!audience.may_hear(&member(if of.is_some() { Role::Surgeon } else { Role::Lead }, of), dark));
    }
    let floor = Member { floor: Some(vec![a.clone()]), ..member(Role::Trainee, None) };
    assert!(!audience.may_hear(&floor, dark), "dark is silent");
    // The sites and the panel see what they always see.
    assert!(standing(Role::Surgeon, Some("b")).may_see(&feed(Some("b"), FeedKind::Room), dark));
    assert!(standing(Role::Expert, None).may_see(&feed(Some("b"), FeedKind::Room), dark));
}

#[test]
fn who_has_the_floor_is_heard_where_the_lead_says() {
    let open = scene(&OPEN, None);
    let floor = Member { floor: Some(vec![site("a")]), ..member(Role::Trainee, None) };
    let hears = |role, of| standing(role, of).may_hear(&floor, open);
    assert!(hears(Role::Lead, None) && hears(Role::Expert, None) && hears(Role::Trainee, None));
    assert!(hears(Role::Surgeon, Some("a")) && !hears(Role::Surgeon, Some("b")));
    let knows = |of| standing(Role::Surgeon, Some(of)).may_know(&floor, open);
    assert_eq!(["a", "b"].map(knows), [true, false]);
    assert_eq!(standing(Role::Surgeon, Some("a")).known(&floor).floor, Some(vec![site("a")]));
}

#[test]
fn sites_do_not_know_each_other_nor_the_audience_until_they_are_joined() {
    let open = scene(&OPEN, None);
    let joined = Scene { are_sites_joined: true, ..open };
    let surgeon = standing(Role::Surgeon, Some("a"));
    assert!(surgeon.may_know(&member(Role::Display, Some("a")), open));
    assert!(surgeon.may_know(&member(Role::Expert, None), open));
    let other = member(Role::Surgeon, Some("b"));
    assert!(!surgeon.may_know(&other, open) && !surgeon.may_hear(&other, open));
    assert!(surgeon.may_know(&other, joined) && surgeon.may_hear(&other, joined));
    assert!(surgeon.may_see(&feed(Some("b"), FeedKind::Room), joined));
    assert!(!surgeon.may_hear(&member(Role::Surgeon, Some("a")), joined), "it would howl");
    assert!(!surgeon.may_know(&member(Role::Trainee, None), joined));
    assert!(!Standing::audience().may_know(&member(Role::Trainee, None), open));
    assert!(Standing::audience().may_know(&other, open));
}

#[test]
fn a_site_hears_of_itself_alone() {
    let expert = Member {
        attends: vec![site("a"), site("b")],
        speaks_to: Direction::Panel,
        hand: true,
        ..member(Role::Expert, None)
    };
    let known = standing(Role::Surgeon, Some("b")).known(&expert);
    assert_eq!((known.attends, known.speaks_to, known.hand), (vec![site("b")], Direction::Attended, false));
    assert_eq!(Standing::audience().known(&expert).attends, []);
    assert_eq!(standing(Role::Lead, None).known(&expert), expert);
}

#[test]
fn people_come_before_machines_and_both_before_the_audience() {
    let rank = |role| at_a(role).rank();
    assert_eq!([Role::Lead, Role::Expert, Role::Surgeon].map(rank), [Rank::Panel; 3]);
    assert_eq!([Role::Display, Role::Device, Role::Service].map(rank), [Rank::Machine; 3]);
    assert_eq!(rank(Role::Trainee), Rank::Audience);
    assert!(Rank::ALL.is_sorted() && Rank::ALL[0] == Rank::Panel);
}
