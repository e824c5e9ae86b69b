//! What one forwarded packet costs the server, how late it is, and what a viewer costs in memory: ours and others, in
//! turn. `benches/README.md` says how to read the table and how to name other servers.
//!
//! `bench-fanout [ROUNDS]`, by default 5 rounds; `bench-fanout tiny` only shows that all of it works, with the servers
//! that `PEERS` names.

use std::time::Duration;

use anyhow::Result;
use benches::consilium::Consilium;
use benches::elsewhere::Elsewhere;
use benches::figures::Figures;
use benches::janus::Janus;
use benches::machine;
use benches::process::stay_on_processor;
use benches::server::Server;
use benches::subject::Subject;
use benches::sweep::{PROCESSORS, Pace, Sweep};
use benches::table::{Load, Table};

/// Names other servers.
const PEERS: &str = "PEERS";
/// A server that loses more is asked to serve no more viewers.
const MOST_LOST: f64 = 0.1;
/// One processor cannot receive more.
const MOST_VIEWERS: usize = 1000;
/// The same, of rooms with a panel.
const MOST_ROOMS: usize = 8;

/// What a run does.
struct Plan {
    rounds: usize,
    viewers: &'static [usize],
    /// Feeds, and experts who watch all of them.
    panel: (usize, usize),
    measures_half_load: bool,
    pace: Pace,
    compares_janus: bool,
}

const WHOLE: Plan = Plan {
    rounds: 5,
    viewers: &[10, 50, 100, 200, 400],
    panel: (12, 10),
    measures_half_load: true,
    pace: Pace {
        before: Duration::from_millis(2500),
        warm_up: Duration::from_millis(500),
        window: Duration::from_secs(4),
        floor: Duration::from_millis(400),
    },
    compares_janus: true,
};

const TINY: Plan = Plan {
    rounds: 1,
    viewers: &[1, 3],
    panel: (12, 1),
    measures_half_load: false,
    pace: Pace {
        before: Duration::from_secs(1),
        warm_up: Duration::from_millis(200),
        window: Duration::from_millis(500),
        floor: Duration::from_millis(20),
    },
    compares_janus: false,
};

impl Plan {
    /// One feed and more and more viewers.
    fn fan_out(&self, subject: &mut dyn Subject, table: &mut Table) -> Result<()> {
        let name = subject.name().to_owned();
        let mut sweep = Sweep::begin(subject, 1, self.pace)?;
        let mut last = None;
        for viewers in self.viewers.iter().copied() {
            if last.is_some_and(|last: Figures| last.lost > MOST_LOST) {
                break;
            }
            sweep.grow(viewers)?;
            let figures = sweep.measure()?;
            table.add(&name, Load::Viewers(viewers), figures);
            last = Some(figures);
        }
        if let Some(times) = last.and_then(|last| self.times_to_half_load(&last)) {
            let most = *self.viewers.last().expect("a plan has viewers");
            sweep.grow(((most as f64 * times) as usize).clamp(most, MOST_VIEWERS))?;
            table.add(&name, Load::Half, sweep.measure()?);
        }
        sweep.end()
    }

    /// All feeds to each expert.
    fn to_panel(&self, subject: &mut dyn Subject, table: &mut Table) -> Result<()> {
        let name = subject.name().to_owned();
        let (feeds, experts) = self.panel;
        let mut sweep = Sweep::begin(subject, feeds, self.pace)?;
        sweep.grow(experts)?;
        let one = sweep.measure()?;
        table.add(&name, Load::Panel(feeds, experts), one);
        if let Some(times) = self.times_to_half_load(&one) {
            sweep.grow_rooms((times.round() as usize).clamp(1, MOST_ROOMS))?;
            table.add(&name, Load::HalfPanels(feeds, experts), sweep.measure()?);
        }
        sweep.end()
    }

    /// How many times this load fills half of a processor. Who shows no times of its own has nothing to show there.
    fn times_to_half_load(&self, figures: &Figures) -> Option<f64> {
        (self.measures_half_load && figures.in_server_p99_ms.is_some()).then_some(0.5 / figures.core)
    }

    /// All of it at one server, and at a new one for each part.
    fn whole<S: Subject>(&self, start: impl Fn(&str) -> Result<S>, table: &mut Table) -> Result<()> {
        self.fan_out(&mut start("fan-out")?, table)?;
        self.to_panel(&mut start("panel")?, table)
    }

    fn round(&self, number: usize, table: &mut Table) -> Result<()> {
        let ours = |_: &str| Ok(Consilium::new(Server::start_on_processor(PROCESSORS.0)?));
        self.whole(ours, table)?;
        // What another server cannot do is written down and does not spoil the rest.
        if self.compares_janus && Janus::is_installed() {
            let janus = self.whole(|_| Janus::start(PROCESSORS.0), table);
            janus.unwrap_or_else(|error| table.note(format!("Janus, round {number}: {error:#}.")));
        }
        for peer in std::env::var(PEERS).unwrap_or_default().split_whitespace() {
            let start = |part: &str| Elsewhere::read(peer, &format!("{number}-{part}"), PROCESSORS.0);
            let other = self.whole(start, table);
            other.unwrap_or_else(|error| table.note(format!("{peer}, round {number}: {error:#}.")));
        }
        Ok(())
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its table, and how far it is")]
fn main() -> Result<()> {
    let argument = std::env::args().nth(1);
    let plan = match argument.as_deref() {
        Some("tiny") => TINY,
        Some(rounds) => Plan { rounds: rounds.parse()?, ..WHOLE },
        None => WHOLE,
    };
    stay_on_processor(PROCESSORS.1)?;
    let mut table = Table::default();
    let mut outcome = Ok(());
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        outcome = plan.round(round, &mut table);
        // What was measured until then is worth its table.
        if let Err(error) = &outcome {
            table.note(format!("Round {round} was not finished: {error:#}."));
            break;
        }
    }
    println!(
        "# Fan-out\n\n{}\n{} rounds of `bench-fanout`. How to read it and how to repeat it: `benches/README.md`.\n",
        machine::facts(),
        plan.rounds
    );
    print!("{}", table.markdown("Consilium", plan.panel));
    outcome
}
