//! What a control message waits behind the fan-out of its room.
//!
//! `bench-control [VIEWERS [SECONDS]]`: a member of role expert says something to its room every 21 ms and waits for the
//! answer, for 60 seconds by default while nobody watches, and as long again while 500 watch one feed of 2.5 Mb/s there.

use std::time::Duration;

use anyhow::Result;
use benches::control::Control;
use benches::machine;
use benches::process::stay_on_processor;
use benches::server::Server;
use benches::sweep::PROCESSORS;

#[expect(clippy::print_stdout, reason = "a bench prints its table")]
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: usize| arguments.get(place).map_or(Ok(default), |number| number.parse());
    let control = Control { viewers: number(0, 500)?, span: Duration::from_secs(number(1, 60)? as u64) };
    stay_on_processor(PROCESSORS.1)?;
    let table = control.table(Server::start_on_processor(PROCESSORS.0)?)?;
    println!(
        "# Control behind a fan-out\n\n{}\nHow to read it and how to repeat it: `benches/README.md`.\n\n{table}",
        machine::facts()
    );
    Ok(())
}
