//! One feed to many viewers: what one forwarded packet costs the server, and how late it is.
//!
//! `bench-fanout [ROUNDS [VIEWERS ...]]`, by default 5 rounds of 10, 100, 200 and 400 viewers of one feed of 2.5 Mb/s,
//! 30 frames a second, nine packets each. The server has processor 0, this program processor 1. Viewers answer STUN,
//! DTLS and keep their sessions; of what they are sent they read the headers, and five of them open everything, which
//! gives the delay.

use std::time::Duration;

use anyhow::{Result, ensure};
use benches::figures::quantile;
use benches::floor;
use benches::peer::Peer;
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

fn measure(viewers: usize) -> Result<Figures> {
    let floor = floor::per_packet(viewers, PACKETS_PER_FRAME, 1150, Duration::from_millis(800))?;
    let server = Server::start_on_processor(0)?;
    let device = server.token("bench", "device", Some("site-a"))?;
    let mut swarm = Swarm::new()?;
    let publisher = swarm.add(Peer::publish(&server.http, "bench", "endoscope", &device)?)?;
    swarm.let_publish(publisher, FRAMES_PER_SECOND, PACKETS_PER_FRAME, 60);
    ensure!(swarm.run(Duration::from_secs(10), |swarm| swarm.peers().all(|peer| peer.is_connected))?, "no publisher");
    let resident_before = server.resident_kib()?;
    let mut token = String::new();
    for viewer in 0..viewers {
        if viewer % SESSIONS_PER_TOKEN == 0 {
            token = server.token("bench", "trainee", None)?;
        }
        let mut peer = Peer::play(&server.http, "bench", "site-a", "endoscope", &token)?;
        peer.opens = viewer % (viewers / OPENING).max(1) == 0;
        swarm.add(peer)?;
        swarm.run(Duration::ZERO, |_| false)?;
    }
    let all_see = |swarm: &Swarm| swarm.peers().filter(|peer| peer.packets > 0).count() == viewers;
    ensure!(swarm.run(Duration::from_secs(30), all_see)?, "a viewer saw nothing");
    swarm.run(WARM_UP, |_| false)?;
    swarm.peers_mut().for_each(Peer::forget_what_was_seen);
    let processor = server.processor_time()?;
    swarm.run(WINDOW, |_| false)?;
    let processor = server.processor_time()? - processor;
    let received: u64 = swarm.peers().map(|peer| peer.packets).sum();
    let sent: u64 = swarm.peers().map(Peer::span).sum();
    let mut delays: Vec<Duration> = swarm.peers().flat_map(|peer| peer.delays.iter().copied()).collect();
    let ms = |delay: Option<Duration>| delay.map_or(f64::NAN, |delay| delay.as_secs_f64() * 1e3);
    Ok(Figures {
        us_per_packet: processor.as_secs_f64() * 1e6 / received as f64,
        floor_us: floor.as_secs_f64() * 1e6,
        core: processor.as_secs_f64() / WINDOW.as_secs_f64(),
        lost: 1.0 - received as f64 / sent.max(1) as f64,
        delay_p50_ms: ms(quantile(&mut delays, 0.5)),
        delay_p99_ms: ms(quantile(&mut delays, 0.99)),
        kib_per_viewer: (server.resident_kib()?.saturating_sub(resident_before)) as f64 / viewers as f64,
    })
}

#[expect(clippy::print_stdout, reason = "a bench prints its table")]
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().map_or(Ok(5), |rounds| rounds.parse())?;
    let mut counts: Vec<usize> = arguments.map(|count| count.parse()).collect::<Result<_, _>>()?;
    if counts.is_empty() {
        counts = vec![10, 100, 200, 400];
    }
    benches::server::stay_on_processor(1)?;
    println!(
        "| viewers | us/packet median [min..max] | floor us | ratio | core | lost | delay p50 / p99 ms | KiB/viewer |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for viewers in counts {
        let all: Vec<Figures> = (0..rounds).map(|_| measure(viewers)).collect::<Result<_>>()?;
        let median = |of: fn(&Figures) -> f64| {
            let mut values: Vec<f64> = all.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            (values[values.len() / 2], values[0], values[values.len() - 1])
        };
        let (us, least, most) = median(|figures| figures.us_per_packet);
        let (floor, ..) = median(|figures| figures.floor_us);
        println!(
            "| {viewers} | {us:.2} [{least:.2}..{most:.2}] | {floor:.2} | {:.2} | {:.2} | {:.3} % | {:.1} / {:.1} | {:.0} |",
            median(|figures| figures.us_per_packet / figures.floor_us).0,
            median(|figures| figures.core).0,
            median(|figures| figures.lost * 100.0).0,
            median(|figures| figures.delay_p50_ms).0,
            median(|figures| figures.delay_p99_ms).0,
            median(|figures| figures.kib_per_viewer).0,
        );
    }
    Ok(())
}
