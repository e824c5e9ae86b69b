//! One feed to many viewers: what one forwarded packet costs the server, and how late it is. Ours and, where it is
//! installed, Janus, in turn.
//!
//! `bench-fanout [ROUNDS [VIEWERS ...]]`, by default 5 rounds of 10, 100, 200 and 400 viewers of one feed of 2.5 Mb/s,
//! 30 frames a second, nine packets each. The server has processor 0, this program processor 1. Viewers answer STUN,
//! DTLS and keep their sessions; of what they are sent they read the headers, and five of them open everything, which
//! gives the delay. What is lost may be lost by this program, which is one thread.

use std::time::Duration;

use anyhow::{Result, ensure};
use benches::figures::quantile;
use benches::floor;
use benches::janus::Janus;
use benches::peer::Peer;
use benches::process::{Process, stay_on_processor};
use benches::server::Server;
use benches::swarm::Swarm;

const WARM_UP: Duration = Duration::from_millis(1500);
const WINDOW: Duration = Duration::from_secs(6);
const FRAMES_PER_SECOND: u32 = 30;
const PACKETS_PER_FRAME: usize = 9;
/// A token's subject may have 64 sessions.
const SESSIONS_PER_TOKEN: usize = 50;
/// Viewers that open what they get.
const OPENING: usize = 5;
/// Beyond this Janus loses most, and joining takes minutes.
const JANUS_VIEWERS: usize = 200;

/// What is measured.
enum Subject {
    Ours { server: Server, token: String, viewers: usize },
    Janus(Janus),
}

impl Subject {
    fn publish(&mut self) -> Result<Peer> {
        match self {
            Self::Ours { server, .. } => {
                let token = server.token("bench", "device", Some("site-a"))?;
                Peer::publish(&server.http, "bench", "endoscope", &token)
            }
            Self::Janus(janus) => janus.publish(),
        }
    }

    fn play(&mut self) -> Result<Peer> {
        match self {
            Self::Ours { server, token, viewers } => {
                if *viewers % SESSIONS_PER_TOKEN == 0 {
                    *token = server.token("bench", "trainee", None)?;
                }
                *viewers += 1;
                Peer::play(&server.http, "bench", "site-a", "endoscope", token)
            }
            Self::Janus(janus) => janus.play(),
        }
    }

    fn process(&self) -> &Process {
        match self {
            Self::Ours { server, .. } => &server.process,
            Self::Janus(janus) => &janus.process,
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Figures {
    us_per_packet: f64,
    floor_us: f64,
    core: f64,
    lost: f64,
    delay_p50_ms: f64,
    delay_p99_ms: f64,
    kib_per_viewer: f64,
}

fn measure(subject: &mut Subject, viewers: usize, floor: Duration) -> Result<Figures> {
    let mut swarm = Swarm::new()?;
    let publisher = swarm.add(subject.publish()?)?;
    swarm.let_publish(publisher, FRAMES_PER_SECOND, PACKETS_PER_FRAME, 60);
    ensure!(swarm.run(Duration::from_secs(10), |swarm| swarm.peers().all(|peer| peer.is_connected))?, "no publisher");
    // Janus knows of a feed a moment after its publisher does.
    swarm.run(Duration::from_secs(1), |_| false)?;
    let resident_before = subject.process().resident_kib()?;
    for viewer in 0..viewers {
        let mut peer = subject.play()?;
        peer.opens = viewer % (viewers / OPENING).max(1) == 0;
        swarm.add(peer)?;
        swarm.run(Duration::ZERO, |_| false)?;
    }
    let all_see = |swarm: &Swarm| swarm.peers().filter(|peer| peer.packets > 0).count() == viewers;
    ensure!(swarm.run(Duration::from_secs(30), all_see)?, "a viewer saw nothing");
    swarm.run(WARM_UP, |_| false)?;
    swarm.peers_mut().for_each(Peer::forget_what_was_seen);
    let processor = subject.process().processor_time()?;
    swarm.run(WINDOW, |_| false)?;
    let processor = subject.process().processor_time()? - processor;
    let received: u64 = swarm.peers().map(|peer| peer.packets).sum();
    let sent = u64::from(FRAMES_PER_SECOND) * WINDOW.as_secs() * (PACKETS_PER_FRAME * viewers) as u64;
    let mut delays: Vec<Duration> = swarm.peers().flat_map(|peer| peer.delays.iter().copied()).collect();
    let ms = |delay: Option<Duration>| delay.map_or(f64::NAN, |delay| delay.as_secs_f64() * 1e3);
    Ok(Figures {
        us_per_packet: processor.as_secs_f64() * 1e6 / received as f64,
        floor_us: floor.as_secs_f64() * 1e6,
        core: processor.as_secs_f64() / WINDOW.as_secs_f64(),
        // A frame more or less falls into the window.
        lost: (1.0 - received as f64 / sent as f64).max(0.0),
        delay_p50_ms: ms(quantile(&mut delays, 0.5)),
        delay_p99_ms: ms(quantile(&mut delays, 0.99)),
        kib_per_viewer: (subject.process().resident_kib()?.saturating_sub(resident_before)) as f64 / viewers as f64,
    })
}

#[expect(clippy::print_stdout, reason = "a bench prints its table")]
fn print(name: &str, viewers: usize, all: &[Figures]) {
    let median = |of: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = all.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        (values[values.len() / 2], values[0], values[values.len() - 1])
    };
    let (us, least, most) = median(|figures| figures.us_per_packet);
    println!(
        "| {name} | {viewers} | {us:.2} [{least:.2}..{most:.2}] | {:.2} | {:.2} | {:.2} | {:.2} % | {:.1} / {:.1} | {:.0} |",
        median(|figures| figures.floor_us).0,
        median(|figures| figures.us_per_packet / figures.floor_us).0,
        median(|figures| figures.core).0,
        median(|figures| figures.lost * 100.0).0,
        median(|figures| figures.delay_p50_ms).0,
        median(|figures| figures.delay_p99_ms).0,
        median(|figures| figures.kib_per_viewer).0,
    );
}

#[expect(clippy::print_stdout, reason = "a bench prints its table")]
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().map_or(Ok(5), |rounds| rounds.parse())?;
    let mut counts: Vec<usize> = arguments.map(|count| count.parse()).collect::<Result<_, _>>()?;
    if counts.is_empty() {
        counts = vec![10, 100, 200, 400];
    }
    stay_on_processor(1)?;
    println!(
        "| server | viewers | us/packet median [min..max] | floor | ratio | core | lost | delay p50 / p99 ms | KiB/viewer |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for viewers in counts {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let floor = floor::per_packet(viewers, PACKETS_PER_FRAME, 1150, Duration::from_millis(800))?;
            let server = Server::start_on_processor(0)?;
            let mut subject = Subject::Ours { server, token: String::new(), viewers: 0 };
            ours.push(measure(&mut subject, viewers, floor)?);
            drop(subject);
            if viewers <= JANUS_VIEWERS
                && let Some(janus) = Janus::start(0)?
            {
                theirs.push(measure(&mut Subject::Janus(janus), viewers, floor)?);
            }
        }
        print("Consilium", viewers, &ours);
        if !theirs.is_empty() {
            print("Janus", viewers, &theirs);
        }
    }
    Ok(())
}
