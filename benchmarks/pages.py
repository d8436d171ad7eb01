"""How long the pages take on large runs: `python -m benchmarks.pages [--examples 50000 --epochs 200]`.

Makes a synthetic run (benchmarks/synthetic.py) in a folder of its own and prints medians as a Markdown table: the time
of the script on the server (Streamlit's test driver, after one warming run), the time from a click to the drawn view in Chromium,
one step of the scrubber, and the memory of the app.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.synthetic import make_run
from tests.browser.conftest import FLAGS, settled
from tests.server import ROOT, Server

VIEWS = {
    "all examples": {},
    "one class": {"_class": "3"},
    "data map": {"tool": "map"},
    "data map, region": {"tool": "map", "selection": "region:0,0;0.3,0;0.3,0.4;0,0.4"},
    "matrices": {"tool": "matrix"},
    "matrix cell": {"tool": "matrix", "selection": "cell:true:given:0:3"},
    "an example": {"example": "7"},
}
REPEATS = 5


def server_seconds(home: Path, run_id: str) -> dict[str, float]:
    """Median of `REPEATS` script runs of each view."""
    from streamlit.testing.v1 import AppTest

    os.environ["IMAE_HOME"] = str(home)
    medians = {}
    for name, query in VIEWS.items():
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
        app.run()
        for key, value in ({"run": run_id} | query).items():
            if not key.startswith("_"):
                app.query_params[key] = value
        app.switch_page("pages/inspect.py").run()
        if "_class" in query:
            app.selectbox(key="scope_class").set_value(int(query["_class"])).run()
        spent = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            app.run()
            spent.append(time.perf_counter() - started)
        assert not app.exception, app.exception
        medians[name] = statistics.median(spent)
    return medians


def drawn_seconds(page: Page, act: str, ready: str) -> float:
    """From a click on the text `act` until `ready` is there and the script has run."""
    started = time.perf_counter()
    page.get_by_text(act, exact=True).first.click()
    page.locator(ready).first.wait_for(state="attached")
    settled(page)
    return time.perf_counter() - started


def in_browser(home: Path, run_id: str) -> dict[str, float]:
    """Click-to-drawn medians, the scrubber's step in seconds, and the app's memory in MB."""
    server = Server(home)
    found: dict[str, list[float]] = {"open": [], "data map": [], "matrices": [], "all examples": []}
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(120_000)
            for _ in range(REPEATS):
                started = time.perf_counter()
                page.goto(f"{server.url}/inspect?run={run_id}")
                page.locator(".imae-hist .bars path").first.wait_for(state="attached")
                page.locator(".st-key-gallery .card img").nth(47).wait_for()
                found["open"].append(time.perf_counter() - started)
                settled(page)
                found["data map"].append(drawn_seconds(page, "Data map", ".st-key-data_map .gl-canvas"))
                found["matrices"].append(drawn_seconds(page, "Matrices", ".st-key-label_matrix .heatmaplayer image"))
                found["all examples"].append(drawn_seconds(page, "All examples", ".st-key-gallery .card img"))
            steps = scrub(page)
            browser.close()
        memory = server.resident_megabytes()
    finally:
        server.stop()
    medians = {name: statistics.median(values) for name, values in found.items()}
    return medians | {"scrub step": statistics.median(steps), "worst step": max(steps), "memory": memory}


def scrub(page: Page) -> list[float]:
    """Seconds of each redraw as the component measures it, over 40 steps."""
    slider = page.get_by_role("slider", name="Epoch")
    slider.focus()
    steps = []
    for _ in range(40):
        slider.press("ArrowLeft")
        steps.append(float(page.locator(".imae-scope").get_attribute("data-milliseconds") or 0) / 1000)
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=50_000)
    parser.add_argument("--epochs", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        started = time.perf_counter()
        run_id = make_run(home, options.examples, options.epochs)
        print(f"{options.examples:,} examples x {options.epochs} epochs, made in {time.perf_counter() - started:.0f} s; "
              f"{platform.node()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")  # fmt: skip
        os.environ["IMAE_HOME"] = str(home)
        drawn = in_browser(home, run_id)
        server = server_seconds(home, run_id)
    print("| view | server s | click to drawn s |\n| --- | --- | --- |")
    for name, seconds in server.items():
        print(f"| {name} | {seconds:.3f} | {f'{drawn[name]:.2f}' if name in drawn else ''} |")
    print(f"| opening the link | | {drawn['open']:.2f} |")
    print(
        f"\nscrub step: median {1000 * drawn['scrub step']:.0f} ms, worst {1000 * drawn['worst step']:.0f} ms; app: {drawn['memory']:.0f} MB"
    )
    print(json.dumps({"server": server, "browser": drawn}))


if __name__ == "__main__":
    main()
