//! The binary `consilium` from outside: real processes, real sockets, real files.
//!
//! Every test has a server of its own on free ports, and every server's log is read at its end for names and tokens
//! (hazard H9). `cargo build --release -p server` comes first; `make test` sees to it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test shows the figures that it judges")]
mod administration;
mod config;
mod demo;
mod disk;
mod guessing;
mod harness;
mod health;
mod invite;
mod journal;
mod killed;
mod leak;
mod login;
mod noise;
mod offer;
mod person;
mod returning;
mod shutdown;
mod token;
mod url;
mod viewers;
mod voice;
mod whep;
mod whip;
mod ws;
