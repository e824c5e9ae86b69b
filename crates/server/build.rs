//! Makes cargo build the server again when the web client that it embeds was built anew.

use std::io::Write;

const DIST: &str = "../../web-client/dist";

fn main() -> std::io::Result<()> {
    // cargo watches what is there; an empty directory means a server without its web client, which says so
    std::fs::create_dir_all(DIST)?;
    writeln!(std::io::stdout(), "cargo:rerun-if-changed={DIST}")
}
