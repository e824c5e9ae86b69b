//! What a crowd has after the whole server has stood still for a moment, as when its host takes the processor away.
//!
//! `bench-hiccup [VIEWERS [MILLISECONDS [SECONDS]]]`: 400 watch one feed of 2.5 Mb/s, the server stands still for 700
//! milliseconds, and every second of the 20 after it says who has a picture. No viewer asks for a keyframe.

use std::time::Duration;

use anyhow::Result;
use benches::hiccup::Hiccup;
use benches::machine;
use benches::process::stay_on_processor;
use benches::server::Server;
use benches::sweep::PROCESSORS;

#[expect(clippy::print_stdout, reason = "a bench prints its table")]
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: usize| arguments.get(place).map_or(Ok(default), |number| number.parse());
    let hiccup = Hiccup {
        viewers: number(0, 400)?,
        stands: Duration::from_millis(number(1, 700)? as u64),
        seconds: number(2, 20)?,
    };
    stay_on_processor(PROCESSORS.1)?;
    let table = hiccup.table(Server::start_on_processor(PROCESSORS.0)?)?;
    println!(
        "# After a hiccup\n\n{}\nHow to read it and how to repeat it: `benches/README.md`.\n\n{table}",
        machine::facts()
    );
    Ok(())
}
