//! Coming back: the same member after a lost connection, the same room after a server that was killed.

use serde_json::{Value, json};

use crate::harness::{Server, claims};
use crate::ws::Line;

/// Somebody with a token subject of its own joins, and says that it was this member; gives what it is told.
async fn join(
    server: &Server,
    subject: &str,
    role: &str,
    site: Option<&str>,
    returns: Option<&Value>,
) -> (Line, Value) {
    let mut claims = claims("r", role, site);
    claims["sub"] = json!(subject);
    let mut line = Line::open(server).await;
    let mut message = json!({ "type": "join", "id": 1, "version": 1, "token": server.signed(claims) });
    if let Some(returns) = returns {
        message["returns"] = returns.clone();
    }
    line.say(message).await;
    let joined = line.hear_of("joined").await;
    (line, joined)
}

/// Says something that is answered by this.
async fn ask(line: &mut Line, message: Value, answer: &str) -> Value {
    line.say(message).await;
    line.hear_of(answer).await
}

const SAID: &str = "The margin is clear on this side.";

#[tokio::test]
async fn a_killed_server_has_its_room_again_as_it_was() {
    let mut server = Server::start();
    server.hide(SAID);
    let (mut lead, as_lead) = join(&server, "one", "lead", None, None).await;
    let (_surgeon, as_surgeon) = join(&server, "two", "surgeon", Some("site-a"), None).await;
    let (lead_id, surgeon_id) = (&as_lead["you"]["id"], &as_surgeon["you"]["id"]);
    lead.hear_of("entered").await;
    ask(&mut lead, json!({ "type": "attend", "sites": ["site-a"] }), "attended").await;
    ask(&mut lead, json!({ "type": "set_duty", "member": lead_id, "duty": "radiology" }), "duty_set").await;
    let said = ask(&mut lead, json!({ "type": "say", "to": "everybody", "text": SAID }), "said").await;
    ask(&mut lead, json!({ "type": "show_programme", "programme": "dark" }), "programme_shown").await;
    ask(&mut lead, json!({ "type": "silence_member", "member": surgeon_id, "silenced": true }), "member_silenced")
        .await;
    server.metric_becomes("consilium_journal_entries_total{what=\"written\"}", |written| written == 7.0).await;
    server.kill_and_start();

    let (mut lead, again) = join(&server, "one", "lead", None, Some(lead_id)).await;
    assert_eq!(again["you"]["id"], *lead_id);
    assert_eq!((&again["you"]["attends"], &again["you"]["duty"]), (&json!(["site-a"]), &json!("radiology")));
    assert_eq!((&again["programme"], &again["said"]), (&json!("dark"), &json!([said["said"]])));
    assert_eq!(again["members"], json!([again["you"]]), "nobody else has come back yet");
    let (_surgeon, again) = join(&server, "two", "surgeon", Some("site-a"), Some(surgeon_id)).await;
    assert_eq!((&again["you"]["id"], &again["you"]["silenced"]), (surgeon_id, &json!(true)));
    let entered = lead.hear_of("entered").await;
    assert_eq!(entered["member"]["id"], *surgeon_id);
    // What is new counts on, as if nothing had been.
    let (_expert, new) = join(&server, "three", "expert", None, Some(lead_id)).await;
    assert!(new["you"]["id"].as_u64() > surgeon_id.as_u64().max(lead_id.as_u64()), "{new}");
    let numbers = crate::journal::numbers(&server).await;
    assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1), "{numbers:?}");
}

#[tokio::test]
async fn who_comes_back_takes_the_place_of_the_connection_it_had() {
    let server = Server::start();
    let (mut first, joined) = join(&server, "one", "lead", None, None).await;
    let id = &joined["you"]["id"];
    let (_second, again) = join(&server, "one", "lead", None, Some(id)).await;
    assert_eq!(again["you"]["id"], *id);
    assert_eq!(first.hear_of("closed").await["reason"], "replaced");
    let (_other, other) = join(&server, "two", "lead", None, Some(id)).await;
    assert_ne!(other["you"]["id"], *id, "it is somebody else's");
    let (_role, role) = join(&server, "one", "expert", None, Some(id)).await;
    assert_ne!(role["you"]["id"], *id, "it was a lead");
}

#[tokio::test]
async fn a_room_that_a_lead_has_ended_begins_anew() {
    let mut server = Server::start();
    let (mut lead, joined) = join(&server, "one", "lead", None, None).await;
    ask(&mut lead, json!({ "type": "show_programme", "programme": "dark" }), "programme_shown").await;
    assert_eq!(ask(&mut lead, json!({ "type": "end_room" }), "closed").await["reason"], "ended");
    let (_lead, again) = join(&server, "one", "lead", None, Some(&joined["you"]["id"])).await;
    assert_eq!((&again["programme"], &again["you"]["id"]), (&json!("open"), &json!(1)));
    server.kill_and_start();
    let (_lead, again) = join(&server, "one", "lead", None, None).await;
    assert_eq!(again["programme"], "open");
}
