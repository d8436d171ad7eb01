"""From a click to the drawn view, in Chromium: each view several times, by the clicks that a person makes."""

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import FLAGS, settled
from tests.browser.test_inspect import PLOT
from tests.server import Server

Drawn = dict[str, list[float]]
CHARTS = ".st-key-{} .js-plotly-plot .{}"
SCOPE = ".imae-hist .bars path"
CARDS = ".st-key-gallery .card img"
MAP = CHARTS.format("data_map", "main-svg")
MATRIX = CHARTS.format("label_matrix", "heatmaplayer image")
CAPTIONS = "[...document.querySelectorAll('[data-testid=stCaptionContainer]')].map((e) => e.textContent).join()"
PAGES = (
    "", "datasets", "loss_lab", "train", "runs", "inspect", "compare", "studies", "clean_labels", "paper",
)  # fmt: skip
SIZE = {"width": 1280, "height": 900}


class Clock:
    """Times acts on one page, each until the browser has painted what is `ready`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.drawn: Drawn = {}

    def __call__(self, name: str, act: Callable[[], object], *ready: str, changed: str = "") -> None:
        """`ready` are selectors; `changed` is an expression whose value the act must change."""
        page = self.page
        before = page.evaluate(changed) if changed else None
        started = time.perf_counter()
        act()
        if changed:
            page.wait_for_function(f"before => {{ const now = {changed}; return now && now !== before; }}", arg=before)
        for selector in ready:
            page.locator(selector).first.wait_for(state="attached")
        settled(page)
        painted(page)
        self.drawn.setdefault(name, []).append(time.perf_counter() - started)


def share_priority() -> None:
    """Gives this session's niceness to that of Chromium: Linux weighs sessions against each other, not processes alone."""
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with contextlib.suppress(OSError):
            Path(f"/proc/{process.pid}/autogroup").write_text(str(os.nice(0)))


def painted(page: Page) -> None:
    """Waits for two frames: what was drawn before the first is on the screen."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def in_browser(home: Path, run_id: str, repeats: int) -> tuple[Drawn, str]:
    """Seconds of every view, and a sentence about start, scrubber and memory."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        share_priority()
        starts = [first_page(browser, home) for _ in range(repeats)]
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(30_000)
        server = Server(home)
        try:
            page.goto(server.url)
            page.get_by_role("heading").first.wait_for()
            clock = Clock(page)
            for round_ in range(repeats):
                inspect(clock, f"{server.url}/inspect?run={run_id}", round_)
                compare(clock)
                clean(clock)
            steps = sorted(scrub(page, f"{server.url}/inspect?run={run_id}"))
            largest = memory(server)
            server.stop()
            server.start()
            visited = visit_all(page, server)
        finally:
            server.stop()
        browser.close()
    return clock.drawn, (
        f"From the start of the process to the first page drawn, in a browser that was never here: median "
        f"{statistics.median(starts):.2f} s ({min(starts):.2f} to {max(starts):.2f}, {repeats} starts). Scrub step: median {1000 * steps[len(steps) // 2]:.0f} ms, "
        f"worst {1000 * steps[-1]:.0f} ms. Memory of the app: {visited} after a visit to every page, {largest} after all of the above."
    )


def first_page(browser: Browser, home: Path) -> float:
    """Seconds from the start of the app's process until a browser without a cache has painted the first page."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    started = time.perf_counter()
    server = Server(home)
    try:
        page.goto(server.url, wait_until="commit")
        page.get_by_role("heading").first.wait_for()
        settled(page)
        painted(page)
        return time.perf_counter() - started
    finally:
        server.stop()
        context.close()


def memory(server: Server) -> str:
    """Resident, and what of it is in no file: `RssAnon`."""
    return f"{server.resident_megabytes():.0f} MB ({server.own_megabytes():.0f} MB of its own)"


def inspect(clock: Clock, url: str, round_: int) -> None:
    page = clock.page
    clock("a link to Inspect, in a fresh tab", lambda: page.goto(url), SCOPE, CARDS)
    follow(page, "Overview")
    page.locator(SCOPE).first.wait_for(state="detached")
    settled(page)
    clock("Inspect: all examples", lambda: follow(page, "Inspect"), SCOPE, CARDS)
    clock("Inspect: an example", lambda: page.locator(".st-key-gallery .card").nth(round_).click(),
          CHARTS.format("trajectory", "scatterlayer path"), ".st-key-neighbours .card")  # fmt: skip
    page.get_by_role("button", name="Close").click()
    settled(page)
    clock("Inspect: data map", lambda: choose(page, "Data map"), MAP)
    edge = 0.9 - 0.1 * round_
    lasso(page, [(0.02, 0.98), (0.02, 0.02), (0.98, 0.02), (0.02, edge)])
    clock("Inspect: region of the data map", page.mouse.up, changed="location.search")
    page.locator(".st-key-clear_selection button").click()
    page.locator(".st-key-selection_bar").wait_for(state="detached")
    clock("Inspect: matrices", lambda: choose(page, "Matrices"), MATRIX)
    clock("Inspect: cell of a matrix", lambda: click_cell(page, round_), changed="location.search")
    page.locator(".st-key-clear_selection button").click()
    page.locator(".st-key-selection_bar").wait_for(state="detached")
    choose(page, "All examples")
    page.locator(".st-key-label_matrix").wait_for(state="detached")
    settled(page)
    painted(page)

    box = page.locator(".st-key-scope_class input")
    while not page.locator("[role=option]").count():
        box.press("ArrowDown")
        page.wait_for_timeout(300)
    box.fill(str(round_))
    page.locator("[role=option]", has_text=str(round_)).first.wait_for()
    clock(
        "Inspect: one class",
        lambda: page.keyboard.press("Enter"),
        changed="document.querySelector('.hist-title').textContent",
    )


def lasso(page: Page, corners: list[tuple[float, float]]) -> None:
    """Draws it, but does not let go yet; in fractions of the plotting area."""
    left, top, width, height = page.evaluate(PLOT, ".st-key-data_map .nsewdrag")
    for place, (x, y) in enumerate(corners):
        page.mouse.move(left + x * width, top + y * height, steps=8)
        if not place:
            page.mouse.down()
    page.locator(".st-key-data_map .select-outline").first.wait_for(state="attached")


def click_cell(page: Page, round_: int) -> None:
    box = page.locator(".st-key-label_matrix .nsewdrag").bounding_box()
    assert box is not None
    at = box["x"] + (0.15 + 0.1 * round_) * box["width"], box["y"] + 0.05 * box["height"]
    page.mouse.move(*at)
    page.mouse.click(*at)


def compare(clock: Clock) -> None:
    page = clock.page
    pair = CHARTS.format("weight_pair", "main-svg")
    everything = ("[data-testid=data-grid-canvas]", CHARTS.format("compare_curve_2", "scatterlayer path"), pair)
    clock("Compare", lambda: follow(page, "Compare"), *everything, ".st-key-pair_gallery .card")
    title = "document.querySelector('.st-key-weight_pair .xtitle')?.textContent"
    clock("Compare: ranks of the same examples", lambda: choose(page, "rank"), changed=title)
    clock("Compare: a row a run", lambda: page.get_by_text("A row a run").click(), changed=CAPTIONS)


def clean(clock: Clock) -> None:
    page = clock.page
    clock("Clean labels: review", lambda: follow(page, "Clean labels"), ".st-key-review_queue img")
    clock("Clean labels: a decision", lambda: page.keyboard.press("k"), ".queue .saved[data-pending='0']")
    clock("Clean labels: estimates", lambda: choose(page, "How many are wrong?"),
          CHARTS.format("precision_recall", "scatterlayer path"))  # fmt: skip
    clock("Clean labels: repair", lambda: choose(page, "Repair"), ".st-key-issues_csv button")


def follow(page: Page, title: str) -> None:
    """Clicks a page's name in the navigation."""
    page.get_by_role("link", name=title, exact=True).first.click()


def choose(page: Page, text: str) -> None:
    page.get_by_text(text, exact=True).first.click()


def scrub(page: Page, url: str) -> Iterator[float]:
    """Seconds of each redraw as the component measures it, over 40 steps."""
    page.goto(url)
    page.locator(SCOPE).first.wait_for(state="attached")
    settled(page)
    slider = page.get_by_role("slider", name="Epoch")
    slider.focus()
    for _ in range(40):
        slider.press("ArrowLeft")
        yield float(page.locator(".imae-scope").get_attribute("data-milliseconds") or 0) / 1000


def visit_all(page: Page, server: Server) -> str:
    """Memory of a fresh app after its pages were visited once."""
    for name in PAGES:
        page.goto(f"{server.url}/{name}")
        page.get_by_role("heading").first.wait_for()
        settled(page)
        page.wait_for_timeout(500)
    return memory(server)
