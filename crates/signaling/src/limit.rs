//! The limits of the contract. What exceeds one is refused with a code, and harms nobody else.

/// A text frame from a client. An SDP offer of a browser with all codecs and 17 m-lines is about 60 kB.
pub const MESSAGE_BYTES: usize = 256 * 1024;
/// An SDP body in a message or an HTTP request.
pub const SDP_BYTES: usize = 200 * 1024;
/// A feed's label, in bytes of UTF-8.
pub const LABEL_BYTES: usize = 80;
/// A member's name, in bytes of UTF-8.
pub const NAME_BYTES: usize = 120;
/// Feeds that one site, or one member without a site, may publish at a time (row E02).
pub const FEEDS_PER_SITE: usize = 4;
/// Sites in one guidance room.
pub const SITES_PER_ROOM: usize = 3;
/// Video slots in one viewer's downlink.
pub const SLOTS_PER_VIEWER: usize = 16;
/// Voices that one viewer can hear at a time.
pub const VOICES_PER_VIEWER: usize = 8;
/// Messages that one client may send in a second, on average; twice as many in a burst.
pub const MESSAGES_PER_SECOND: u32 = 50;
/// Offers that one token subject may make in a second, on average, with all of its clients, and as many times it may join by a WebSocket: `publish`, `receive`, a WHIP or
/// WHEP session that is begun or restarted. Each takes some milliseconds of the server.
pub const OFFERS_PER_SECOND: u32 = 4;
/// The same of the audience: a lecture hall comes by one link, and has one subject.
pub const AUDIENCE_OFFERS_PER_SECOND: u32 = 20;
/// So many times as many may be made at once.
pub const OFFERS_AT_ONCE: u32 = 16;
/// Messages that may wait for a slow client before its WebSocket is closed with `slow_consumer`.
pub const OUTLET_MESSAGES: usize = 512;
/// The same for the panel and the sites, who are told of everybody that comes and goes: a whole audience may at once.
pub const PANEL_OUTLET_MESSAGES: usize = 16_384;
/// Something said or asked in text, in bytes of UTF-8.
pub const TEXT_BYTES: usize = 4000;
/// A duty, in bytes of UTF-8.
pub const DUTY_BYTES: usize = 40;
/// Of what was said in text so many are kept for those who come later.
pub const SAID_KEPT: usize = 200;
/// Questions in one room; the oldest that was answered gives way to one more.
pub const QUESTIONS_KEPT: usize = 200;
/// Questions of one member that nobody has answered.
pub const QUESTIONS_OF_ONE: usize = 5;
/// Calls in one room that are not over.
pub const CALLS: usize = 16;
/// Somebody is rung for so long, in seconds.
pub const RINGS_S: u64 = 45;
/// Members of one room that are remembered after they have lost their connection.
pub const ABSENT: usize = 2000;
/// Who may wait at one room's door.
pub const WAITING: usize = 1000;
