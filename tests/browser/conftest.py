"""A real server and a real Chromium."""

import os
import shutil

import pytest

from tests.server import Server

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture
def server(home):
    server = Server(home)
    yield server
    server.stop()


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
