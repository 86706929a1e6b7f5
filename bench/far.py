"""A machine that is 100 ms away: two TUN devices, one in a network namespace of its own, and a
program between them that hands each packet over after half the round trip. Needs root and Linux;
real TCP with its handshakes, slow start and Nagle, no loss and no limit on bandwidth.

usage: far.py serve NAME MS HERE:PORT…   until its input ends; ports of this computer's loopback
       far.py relay HOST:PORT HOST:PORT  from the first address to the second
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import sys

NEAR, FAR = "10.77.0.1", "10.77.0.2"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h


def run(*words: str) -> None:
    subprocess.run(words, check=True)


def open_tun(name: str) -> int:
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def lay(namespace: str) -> tuple[int, int]:
    """One end here, the other in the namespace."""
    here, there = open_tun("swnear"), open_tun("swfar")
    run("ip", "link", "set", "swfar", "netns", namespace)
    inside = ("ip", "-n", namespace)
    for ip, name, own, other in ((("ip",), "swnear", NEAR, FAR), (inside, "swfar", FAR, NEAR)):
        run(*ip, "addr", "add", own, "peer", other, "dev", name)
        run(*ip, "link", "set", name, "up")
    run(*inside, "link", "set", "lo", "up")
    return here, there


def join(here: int, there: int, delay_s: float) -> None:
    loop = asyncio.get_running_loop()

    def hand_over(source: int, sink: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while packet := os.read(source, 65536):
                loop.call_later(delay_s, os.write, sink, packet)

    loop.add_reader(here, hand_over, here, there)
    loop.add_reader(there, hand_over, there, here)


async def relay(listen: str, to: str) -> None:
    """Connections to one address go on to another, byte by byte and at once."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward = await asyncio.open_connection(*to.split(":"))
        with contextlib.suppress(asyncio.CancelledError):  # the benchmark is over
            await asyncio.gather(copy(reader, onward[1]), copy(onward[0], writer))

    await asyncio.start_server(serve, *listen.split(":"))


async def serve(namespace: str, delay_ms: float, ports: list[str]) -> None:
    join(*lay(namespace), delay_ms / 2000)
    for port in ports:
        await relay(f"{NEAR}:{port}", f"127.0.0.1:{port}")
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def relay_for_ever(listen: str, to: str) -> None:
    await relay(listen, to)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    if sys.argv[1] == "relay":
        asyncio.run(relay_for_ever(*sys.argv[2:]))
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # a killed one removes it, too
        run("ip", "netns", "add", sys.argv[2])  # fails where another benchmark is running
        try:
            asyncio.run(serve(sys.argv[2], float(sys.argv[3]), sys.argv[4:]))
        finally:
            run("ip", "netns", "del", sys.argv[2])
