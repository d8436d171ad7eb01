"""Pictures of every page, empty and full, light and dark, for the docs: `python -m benchmarks.screenshots docs/pages`.

Trains CCE, MAE and IMAE on noisy digits, two seeds each, in a folder of its own, then visits the pages with Chromium.
"""

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from imae_core.runs.store import Store
from imae_core.studies.run import submit_study
from imae_core.studies.store import create_study
from imae_core.studies.study import parse_study
from tests.browser.conftest import FLAGS, settled
from tests.conftest import end_processes_of, wait_until
from tests.server import Server

PAGES = {
    "overview": "", "datasets": "datasets", "loss_lab": "loss_lab", "train": "train", "runs": "runs", "inspect": "inspect", "compare": "compare",
    "studies": "studies", "clean_labels": "clean_labels", "paper": "paper",
}  # fmt: skip
MORE = {
    "inspect-map": "inspect?tool=map",
    "inspect-matrix": "inspect?tool=matrix",
    "inspect-example": "inspect?example=7",
    "studies-one": "studies?study=first-look",
    "clean_labels-estimates": "clean_labels?step=estimates",
    "paper-figures": "paper?preset=digits&view=figures",
}
TALLEST = 2600


def queue_runs(home: Path) -> None:
    """Twelve short runs, as one study."""
    study = parse_study({
        "name": "first-look", "dataset": "digits", "losses": [{"name": name} for name in ("cce", "mae", "imae")],
        "noise_rates": [0.2, 0.4], "seeds": [0, 1], "overrides": {"epochs": 40, "device": "cpu"},
    })  # fmt: skip
    create_study(home, study)
    submit_study(home, study.name)
    wait_until(lambda: all(run.has_ended for run in Store(home).runs()), 300)


def shoot(browser: Browser, url: str, target: Path, scheme: str) -> None:
    """The whole page, up to a height that can be looked at."""
    page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme=scheme)  # type: ignore[arg-type]
    page.set_default_timeout(60_000)
    page.goto(url)
    settled(page)
    page.wait_for_timeout(2500)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": 1280, "height": min(int(height) + 40, TALLEST)})
    page.wait_for_timeout(1500)
    page.screenshot(path=target, type="jpeg", quality=72)
    page.close()


def visit(home: Path, folder: Path, views: dict[str, str], state: str) -> None:
    server = Server(home)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            for scheme in ("light", "dark"):
                for name, path in views.items():
                    shoot(browser, f"{server.url}/{path}", folder / f"{name}-{state}-{scheme}.jpg", scheme)
            browser.close()
    finally:
        server.stop()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        os.environ["IMAE_HOME"] = name
        visit(home, folder, PAGES, "empty")
        queue_runs(home)
        visit(home, folder, PAGES | MORE, "full")
        end_processes_of(home)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pages"))
