"""A real server on a free port of the loopback interface."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil

from tests.conftest import wait_until

ROOT = Path(__file__).parents[1]


class Server:
    """The app as `make run` starts it, on a free port of the loopback interface."""

    def __init__(self, home):
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    def start(self):
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        with (self.home.parent / "app.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self.is_healthy, 60, every=0.02)

    def is_healthy(self):
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def kill(self):
        """As a crash would: SIGKILL, and nothing else is told."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def resident_megabytes(self):
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def own_megabytes(self):
        """Of them, what is not a part of a file: no code, and no data that are mapped."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")) / 1e6

    def loaded_libraries(self):
        return "\n".join(entry.path for entry in psutil.Process(self.process.pid).memory_maps())
