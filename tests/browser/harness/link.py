#!/usr/bin/env python3
"""A line between this network namespace and another one that is narrow, delays, jitters and loses packets.

Kernels without netem are common, so it is two TUN devices and a queue. Packets keep their order, as on a real line.
It runs until it is ended, and its devices vanish with it. The same seed loses the same packets of the same traffic.
A line `down 1.5` or `up 1.5` on standard input makes it that many Mb/s wide from now on, towards the namespace or back.
"""

import argparse
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
CLONE_NEWNET = 0x40000000


def open_tun(device: str, namespace: str | None) -> int:
    """Opens a TUN device; a device belongs to the namespace that the thread is in when it is made."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    if namespace:
        there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"entering namespace {namespace}")
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
    libc.setns(home, CLONE_NEWNET)
    return tun


def configure(device: str, address: str, namespace: str | None) -> None:
    """Gives a device its address and brings it up."""
    ip = ["ip", "-n", namespace] if namespace else ["ip"]
    subprocess.check_call([*ip, "address", "add", f"{address}/24", "dev", device])
    subprocess.check_call([*ip, "link", "set", device, "up", "mtu", "1500", "txqueuelen", "1000"])


def is_dtls(packet: bytes) -> bool:
    """True for a DTLS record in UDP in IPv4 (RFC 7983: the first byte is 20 to 63)."""
    header = (packet[0] & 15) * 4
    return packet[0] >> 4 == 4 and packet[9] == 17 and len(packet) > header + 8 and 20 <= packet[header + 8] <= 63


class Line:
    """What is under way in both directions."""

    def __init__(self, delay_s: float, jitter_s: float, loss: float, lose_dtls: int, seed: int) -> None:
        self.delay_s, self.jitter_s, self.loss = delay_s, jitter_s, loss
        # Where a way is narrow, packets stand in a queue before it, and those beyond its length are lost.
        self.rates_bps: dict[int, float] = {}
        self.queue_s = 0.0
        self.free_at_s: dict[int, float] = {}
        # For so long out of every so many seconds everything is lost.
        self.outage_s, self.outage_every_s = 0.0, 0.0
        self.dtls_to_lose: dict[int, int] = {}
        self.lose_dtls = lose_dtls
        self.random = random.Random(seed)
        self.queue: list[tuple[float, int, int, bytes]] = []
        self.latest_s: dict[int, float] = {}
        self.count = 0

    def take(self, packet: bytes, towards: int) -> None:
        """Loses a packet or sends it on its way."""
        if self.random.random() < self.loss:
            return
        if is_dtls(packet) and self.dtls_to_lose.setdefault(towards, self.lose_dtls) > 0:
            self.dtls_to_lose[towards] -= 1
            print("lost a handshake packet", flush=True)
            return
        now_s = time.monotonic()
        if self.outage_every_s and now_s % self.outage_every_s < self.outage_s:
            return
        leaves_s = now_s
        if rate_bps := self.rates_bps.get(towards):
            begins_s = max(now_s, self.free_at_s.get(towards, 0.0))
            if begins_s - now_s > self.queue_s:
                return
            leaves_s = self.free_at_s[towards] = begins_s + len(packet) * 8 / rate_bps
        arrival_s = leaves_s + self.delay_s + self.random.uniform(-self.jitter_s, self.jitter_s)
        arrival_s = max(arrival_s, self.latest_s.get(towards, 0.0))
        self.latest_s[towards] = arrival_s
        self.count += 1
        heapq.heappush(self.queue, (arrival_s, self.count, towards, packet))

    def wait_s(self) -> float | None:
        """How long until something arrives; none when nothing is under way."""
        return max(0.0, self.queue[0][0] - time.monotonic()) if self.queue else None

    def deliver(self) -> None:
        """Hands over what has arrived."""
        now_s = time.monotonic()
        while self.queue and self.queue[0][0] <= now_s:
            _, _, towards, packet = heapq.heappop(self.queue)
            try:
                os.write(towards, packet)
            except OSError:
                pass  # the device's own queue is full: one more loss


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("namespace")
    arguments.add_argument("--here", required=True)
    arguments.add_argument("--there", required=True)
    arguments.add_argument("--device", default="line0")
    arguments.add_argument("--delay-ms", type=float, default=0)
    arguments.add_argument("--jitter-ms", type=float, default=0)
    arguments.add_argument("--loss", type=float, default=0)
    arguments.add_argument("--down-mbps", type=float, default=0, help="towards the namespace; 0 is as wide as can be")
    arguments.add_argument("--up-mbps", type=float, default=0)
    arguments.add_argument("--queue-ms", type=float, default=300, help="the longest that a packet waits for a narrow way")
    arguments.add_argument("--outage-ms", type=float, default=0, help="everything is lost for so long ...")
    arguments.add_argument("--outage-every-s", type=float, default=10, help="... and so often")
    arguments.add_argument("--lose-dtls", type=int, default=0, help="so many of the first ones in each direction")
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()

    here, there = open_tun(options.device, None), open_tun(options.device, options.namespace)
    configure(options.device, options.here, None)
    configure(options.device, options.there, options.namespace)
    other_end = {here: there, there: here}
    line = Line(options.delay_ms / 1000, options.jitter_ms / 1000, options.loss, options.lose_dtls, options.seed)
    ways = {"down": there, "up": here}
    line.rates_bps = {there: options.down_mbps * 1e6, here: options.up_mbps * 1e6}
    line.queue_s = options.queue_ms / 1000
    if options.outage_ms:
        line.outage_s, line.outage_every_s = options.outage_ms / 1000, options.outage_every_s
    print("up", flush=True)
    heard = [here, there, sys.stdin]
    while True:
        readable, _, _ = select.select(heard, [], [], line.wait_s())
        if sys.stdin in readable:
            readable.remove(sys.stdin)
            if said := sys.stdin.readline().split():
                line.rates_bps[ways[said[0]]] = float(said[1]) * 1e6
            else:
                heard.remove(sys.stdin)
        for tun in readable:
            for _ in range(64):  # a bounded burst, so that what has arrived is not kept waiting
                try:
                    line.take(os.read(tun, 2048), other_end[tun])
                except BlockingIOError:
                    break
        line.deliver()


if __name__ == "__main__":
    main()
