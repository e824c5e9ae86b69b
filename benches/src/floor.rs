//! What forwarding cannot cost less than, on this machine now: rewrite a header, seal a payload, send a run.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use quinn_udp::{Transmit, UdpSocketState};

use crate::process::{stay_on_processor, thread_time};

const HEADER: usize = 36;
const TAG: usize = 16;

/// Processor time of one packet of `payload` bytes, sent to `viewers` addresses in turn in bursts of `burst`, sealed
/// with AES-256-GCM under a key each. It is sent from one processor and received by this thread on its own, as with a
/// server and its viewers.
///
/// # Errors
/// If the system refuses a socket, a key or the processor.
pub fn per_packet(
    processor: usize,
    viewers: usize,
    burst: usize,
    payload: usize,
    window: Duration,
) -> Result<Duration> {
    let receivers: Vec<UdpSocket> = (0..viewers)
        .map(|_| {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        })
        .collect::<Result<_>>()?;
    let addresses: Vec<_> = receivers.iter().map(UdpSocket::local_addr).collect::<Result<_, _>>()?;
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            stay_on_processor(processor)?;
            send(&addresses, burst, payload, window)
        });
        let mut buffer = [0; 2048];
        while !sending.is_finished() {
            for socket in &receivers {
                while socket.recv(&mut buffer).is_ok() {}
            }
        }
        sending.join().map_err(|_| anyhow::anyhow!("the sending thread failed"))?
    })
}

fn send(addresses: &[SocketAddr], burst: usize, payload: usize, window: Duration) -> Result<Duration> {
    let keys: Vec<LessSafeKey> = (0..addresses.len())
        .map(|viewer| {
            let key = UnboundKey::new(&AES_256_GCM, &[viewer as u8; 32]).map_err(|_| anyhow::anyhow!("no key"))?;
            Ok(LessSafeKey::new(key))
        })
        .collect::<Result<_>>()?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let state = UdpSocketState::new((&socket).into())?;
    let source = vec![7; payload];
    let mut slab = Vec::new();
    let (mut sequence, mut packets) = (0_u64, 0_u32);
    let (begin, before) = (Instant::now(), thread_time()?);
    while begin.elapsed() < window {
        for (key, destination) in keys.iter().zip(addresses) {
            slab.clear();
            for _ in 0..burst {
                sequence += 1;
                let start = slab.len();
                slab.extend_from_slice(&[0x90; HEADER]);
                slab[start + 2..start + 4].copy_from_slice(&(sequence as u16).to_be_bytes());
                slab[start + 4..start + 8].copy_from_slice(&(sequence as u32).to_be_bytes());
                slab.extend_from_slice(&source);
                let (header, body) = slab[start..].split_at_mut(HEADER);
                let mut nonce = [0; 12];
                nonce[4..].copy_from_slice(&sequence.to_be_bytes());
                let nonce = Nonce::assume_unique_for_key(nonce);
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&*header), body);
                slab.extend_from_slice(tag.map_err(|_| anyhow::anyhow!("not sealed"))?.as_ref());
            }
            let segment_size = Some(HEADER + payload + TAG);
            let run = Transmit { destination: *destination, ecn: None, contents: &slab, segment_size, src_ip: None };
            match state.try_send((&socket).into(), &run) {
                Ok(()) => packets += burst as u32,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("send a run"),
            }
        }
    }
    Ok((thread_time()? - before) / packets.max(1))
}
