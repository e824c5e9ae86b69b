//! Meets the world: HTTP, WebSocket, UDP, TCP, disk, clocks, randomness, tokens, metrics.
//!
//! The only crate with threads, tasks and sockets. A worker is an OS thread that owns rooms and the port that their
//! media comes in by; tasks of clients reach it through its bounded inbox and hear from it through a bounded way of
//! their own.
//!
//! Read in this order: [`config`], [`serve`], [`directory`], [`order`], [`worker`], [`socket`], [`streams`],
//! [`route`], then the doors: [`http`], `ws`, `door`, `resource`.

pub mod address;
mod administration;
mod api;
pub mod arrival;
mod asset;
mod attempts;
pub mod bootstrap;
mod clip_cache;
mod clock;
pub mod command;
pub mod config;
pub mod database;
pub mod demo;
pub mod directory;
mod door;
mod doorkeeper;
pub mod file;
mod hall;
pub mod http;
pub mod journal;
pub mod limit;
pub mod listen;
pub mod log;
pub mod metric;
pub mod offer;
pub mod order;
pub mod origin;
mod password;
pub mod problem;
mod process;
mod query;
mod quota;
mod reading;
pub mod register;
mod request;
mod resource;
pub mod route;
pub mod sdpfrag;
pub mod secret;
pub mod serve;
pub mod shared;
pub mod show;
pub mod socket;
pub mod stream;
pub mod streams;
pub mod stun;
pub mod tally;
mod tap;
pub mod thumbnail;
pub mod token;
mod tree_file;
pub mod trunk;
pub mod watching;
mod whep;
mod whip;
pub mod worker;
mod ws;
