"""A real server on a free port and a real Chromium."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.conftest import wait_until

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


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
        wait_until(self.is_healthy, 60)

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

    def resident_megabytes(self):
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def loaded_libraries(self):
        return "\n".join(entry.path for entry in psutil.Process(self.process.pid).memory_maps())


@pytest.fixture
def server(home):
    server = Server(home)
    yield server
    if server.process.poll() is None:
        server.process.terminate()
        server.process.wait(20)


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("IMAE_REQUIRE_BROWSER"):
            pytest.fail("browser tests are required here, but there is no chromium")
        pytest.skip("no chromium: install Debian's package of that name for the browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(30_000)
    yield page
    page.close()


def settled(page):
    """Waits until the script has run."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", state="attached")
