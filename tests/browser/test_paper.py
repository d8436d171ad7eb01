"""The Paper page in a real browser: what was published, our runs queued and trained, ours beside it, the figures."""

import re

import pytest

from imae_core.runs.store import Store
from tests.browser.conftest import settled
from tests.browser.test_compare import saved
from tests.conftest import wait_until
from tests.paper.test_compare import table6_runs

pytestmark = pytest.mark.browser


def show(page, tab):
    page.get_by_test_id("stSegmentedControl").or_(page.locator(".st-key-view")).first.get_by_text(
        tab, exact=True
    ).click()
    settled(page)


def test_the_button_trains_and_the_numbers_appear(page, server, home):
    page.goto(f"{server.url}/paper?preset=digits&view=runs")
    page.get_by_role("button", name="Queue 9 missing").click()
    page.wait_for_url("**/runs**")
    wait_until(lambda: [run.state for run in Store(home).runs()] == ["done"] * 9, 240)
    page.goto(f"{server.url}/paper?preset=digits")
    page.get_by_text("Do the published orders hold?").wait_for()
    show(page, "Figures")
    page.locator(".st-key-paper_weights .scatterlayer .trace").first.wait_for(state="attached")
    page.locator(".st-key-paper_test_accuracy .scatterlayer .trace").first.wait_for(state="attached")
    page.locator(".st-key-paper_spread .main-svg").first.wait_for(state="attached")


def test_ours_stand_below_the_published_numbers_and_are_downloaded(page, server, home):
    table6_runs(home, finals=(0.65, 0.77, 0.83))
    page.goto(f"{server.url}/paper?preset=table6")
    cell = page.locator("td", has_text=re.compile(r"84\.0.*83\.0.*-1\.0", re.DOTALL)).first
    cell.wait_for()
    assert "83.0" in saved(page, "paper_md")
    show(page, "Other published numbers")
    page.wait_for_url("**view=other**")
    page.locator("table").first.wait_for()
