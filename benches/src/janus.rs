//! Janus with its video room, as Debian packages it: the peer that everybody has.

use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use str0m::media::Direction;

use crate::peer::Peer;
use crate::process::{Process, on_processor};
use crate::subject::Subject;

const PROGRAM: &str = "/usr/bin/janus";
const ROOM: u64 = 1234;
const PUBLISHERS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);

/// A running Janus with a configuration of its own. Ends when dropped.
#[derive(Debug)]
pub struct Janus {
    /// The process.
    pub process: Process,
    settings: PathBuf,
    session: String,
    here: IpAddr,
    feeds: Vec<Value>,
}

impl Janus {
    /// Whether it can be started.
    pub fn is_installed() -> bool {
        Path::new(PROGRAM).is_file()
    }

    /// Starts it and makes a room.
    ///
    /// # Errors
    /// If it does not start, or there is no address but loopback, which it does not use.
    pub fn start(processor: usize) -> Result<Self> {
        let here = own_address().context("find an address of this machine")?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = std::env::temp_dir().join(format!("janus-bench-{}", std::process::id()));
        std::fs::create_dir_all(&settings)?;
        let main = "general: { debug_level = 0\n admin_secret = \"x\" }\nplugins: { disable = \"libjanus_audiobridge.so,\
                    libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,libjanus_recordplay.so,\
                    libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,\
                    libjanus_voicemail.so\" }\ntransports: { disable = \"libjanus_mqtt.so,libjanus_nanomsg.so,\
                    libjanus_pfunix.so,libjanus_rabbitmq.so,libjanus_websockets.so\" }\n";
        std::fs::write(settings.join("janus.jcfg"), main)?;
        let http = format!("general: {{ http = true\n port = {port}\n ip = \"127.0.0.1\"\n https = false }}\n");
        std::fs::write(settings.join("janus.transport.http.jcfg"), http)?;
        std::fs::write(settings.join("janus.plugin.videoroom.jcfg"), "general: { }\n")?;
        let mut command = on_processor(Some(processor), Path::new(PROGRAM));
        command.arg("--configs-folder").arg(&settings).stdout(std::process::Stdio::null());
        let process = Process::start(&mut command)?;
        let http = format!("http://127.0.0.1:{port}/janus");
        let until = Instant::now() + PATIENCE;
        let created = loop {
            match post(&http, &json!({ "janus": "create", "transaction": "t" })) {
                Ok(created) => break created,
                Err(error) if Instant::now() > until => return Err(error.context("Janus does not answer")),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        let session = format!("{http}/{}", created["data"]["id"]);
        let janus = Self { process, settings, session, here, feeds: Vec::new() };
        let handle = janus.attach()?;
        let room = json!({ "request": "create", "room": ROOM, "publishers": PUBLISHERS, "bitrate": 0, "videocodec": "h264",
            "notify_joining": false });
        post(&handle, &json!({ "janus": "message", "transaction": "t", "body": room }))?;
        Ok(janus)
    }

    fn attach(&self) -> Result<String> {
        let attach = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom", "transaction": "t" });
        Ok(format!("{}/{}", self.session, post(&self.session, &attach)?["data"]["id"]))
    }

    /// Says something to a handle and waits for the event that answers it.
    fn ask(&self, handle: &str, body: Value, jsep: Option<Value>) -> Result<Value> {
        let mut message = json!({ "janus": "message", "transaction": "t", "body": body });
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        post(handle, &message)?;
        let number: u64 = handle.rsplit('/').next().context("a handle")?.parse()?;
        // Much else is said meanwhile: each publisher hears of each other.
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let event: Value = serde_json::from_str(&ureq::get(&self.session).call()?.body_mut().read_to_string()?)?;
            if event["janus"] == "event" && event["sender"] == number {
                let data = &event["plugindata"]["data"];
                if !data["error"].is_null() {
                    bail!("Janus refuses: {data}");
                }
                return Ok(event);
            }
        }
        bail!("Janus does not answer {message}")
    }
}

impl Subject for Janus {
    fn name(&self) -> &'static str {
        "Janus"
    }

    fn process(&self) -> &Process {
        &self.process
    }

    fn publish(&mut self, _feed: usize) -> Result<Peer> {
        let handle = self.attach()?;
        let join = json!({ "request": "join", "ptype": "publisher", "room": ROOM });
        let joined = self.ask(&handle, join, None)?;
        self.feeds.push(joined["plugindata"]["data"]["id"].clone());
        Peer::offer(self.here, Direction::SendOnly, 1, |offer| {
            let jsep = json!({ "type": "offer", "sdp": offer });
            let configured = self.ask(&handle, json!({ "request": "publish" }), Some(jsep))?;
            Ok(configured["jsep"]["sdp"].as_str().context("an answer")?.to_owned())
        })
    }

    fn play(&mut self, feeds: usize) -> Result<Vec<Peer>> {
        let handle = self.attach()?;
        let streams: Vec<Value> = self.feeds.iter().take(feeds).map(|feed| json!({ "feed": feed })).collect();
        let join = json!({ "request": "join", "ptype": "subscriber", "room": ROOM, "streams": streams });
        let attached = self.ask(&handle, join, None)?;
        let offer = attached["jsep"]["sdp"].as_str().with_context(|| format!("an offer in {attached}"))?;
        let peer = Peer::answer(self.here, offer, |answer| {
            self.ask(&handle, json!({ "request": "start" }), Some(json!({ "type": "answer", "sdp": answer })))?;
            Ok(())
        })?;
        Ok(vec![peer])
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.settings).ok();
    }
}

fn post(url: &str, body: &Value) -> Result<Value> {
    let text = ureq::post(url).content_type("application/json").send(body.to_string())?.body_mut().read_to_string()?;
    let answer: Value = serde_json::from_str(&text)?;
    if answer["janus"] == "error" {
        bail!("Janus refuses: {answer}");
    }
    Ok(answer)
}

/// An address of this machine that is not loopback. Nothing is sent.
pub fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("198.51.100.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback())
}
