"""Shared by all tests: a home of their own, and processes that never outlive them."""

import contextlib
import os
import time

import psutil
import pytest


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home; every process that still works for it is ended afterwards."""
    place = tmp_path / "home"
    (place / "runs").mkdir(parents=True)
    (place / "datasets").mkdir()
    for name in [name for name in os.environ if name.startswith("IMAE_") and name != "IMAE_REQUIRE_BROWSER"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("IMAE_HOME", str(place))
    monkeypatch.setenv("IMAE_RUNNER_IDLE_SECONDS", "3")
    yield place
    end_processes_of(place)


def end_processes_of(place):
    """Kills apps, runners and workers whose command line or environment names the folder, until none is left: a runner may
    have started another worker while its first one was killed."""
    for _ in range(10):
        found = list(processes_of(place))
        if not found:
            return
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
                process.wait(10)


def processes_of(place):
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or [])
        ours = process.pid != os.getpid() and ("imae_core" in words or "streamlit" in words)
        with contextlib.suppress(psutil.Error):
            if (
                ours
                and process.info["status"] != psutil.STATUS_ZOMBIE
                and (str(place) in words or process.environ().get("IMAE_HOME") == str(place))
            ):
                yield process


def wait_until(condition, seconds=60, every=0.1):
    """The first true value of `condition()`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {condition}")
