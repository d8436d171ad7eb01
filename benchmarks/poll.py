"""How long the Runs page takes while 200 runs are queued and 20 browser-like clients ask for it again and again.

    python -m benchmarks.poll [--runs 200] [--clients 20] [--seconds 20]

Starts an app of its own on a temporary home, where no runner starts, and speaks Streamlit's own protocol.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

from benchmarks.stream import answered, open_stream, rerun
from imae_core.recipes import make_config
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run

ROOT = Path(__file__).parents[1]


def fill(home: Path, number: int) -> None:
    store = Store(home)
    config = make_config("digits", (1, 8, 8), 1297)
    for _ in range(number):
        folder = create_run(home, config)
        store.add(folder.run_id, config, executor="local")


async def client(port: int, until: float, times: dict[str, list[float]], problems: list[str]) -> None:
    """Opens the page, then keeps its live parts fresh each second, as a browser does."""
    async with open_stream(port) as stream:
        page = await answered(stream, rerun("runs"))
        times["page"].append(page.seconds)
        problems += page.exceptions
        while time.monotonic() < until:
            started = time.monotonic()
            for part in page.live_parts:
                problems += (await answered(stream, rerun("runs", live_part=part))).exceptions
            times["live parts"].append(time.monotonic() - started)
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - started)))


async def drive(port: int, clients: int, seconds: float) -> tuple[dict[str, list[float]], list[str]]:
    times: dict[str, list[float]] = {"page": [], "live parts": []}
    problems: list[str] = []
    until = time.monotonic() + seconds
    await asyncio.gather(*(client(port, until, times, problems) for _ in range(clients)))
    return times, problems


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home, arguments.runs)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
        environment = os.environ | {"IMAE_HOME": folder, "IMAE_RUNNER": "external"}
        app = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(port)
            for clients in (1, arguments.clients):
                times, problems = asyncio.run(drive(port, clients, arguments.seconds))
                for what, values in times.items():
                    print(f"{arguments.runs} runs, {clients} clients, {what}: {len(values)} times, median {np.median(values):.2f} s, "
                          f"95 % {np.quantile(values, 0.95):.2f} s, {len(problems)} errors {problems[:1]}")  # fmt: skip
        finally:
            app.terminate()
            app.wait(20)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the app did not start")


if __name__ == "__main__":
    main()
