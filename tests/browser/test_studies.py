"""A study in a real browser: from the form over its training runs to its table, and its link."""

import re

import pytest

from imae_core.runs.store import Store
from tests.browser.conftest import settled
from tests.browser.test_compare import choose
from tests.conftest import wait_until

pytestmark = pytest.mark.browser


def fill(page, key, value):
    box = page.locator(f".st-key-{key} input").first
    box.fill(value)
    box.press("Enter")
    settled(page)


def test_from_the_form_to_the_table_while_one_watches(page, server, home):
    page.goto(f"{server.url}/studies")
    page.get_by_text("There are no studies yet").wait_for()
    settled(page)
    for name, key, value in (("epochs", "epochs", "2"), ("training examples", "num_train", "200")):
        choose(page, "study_settings", name)
        fill(page, f"study_set_{key}", value)
    fill(page, "study_seeds", "0, 1")
    page.get_by_test_id("stMetricValue").get_by_text("18", exact=True).wait_for()
    fill(page, "study_name", "mine")
    page.get_by_role("button", name="Create the study").click()
    page.wait_for_url("**study=mine**")
    page.get_by_text("No run has finished yet").wait_for()

    page.get_by_role("button", name="Queue 18 runs").click()
    wait_until(lambda: [run.state for run in Store(home).runs()] == ["done"] * 18, 180)
    page.get_by_text("18 of 18").wait_for()
    page.get_by_role("heading", name="Losses by noise rates").wait_for()
    page.get_by_text(re.compile(r"mean ± sample standard deviation over 2 seeds")).first.wait_for()
    page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(state="attached")
    assert page.get_by_role("button", name="Queue", exact=False).first.is_disabled()

    choose(page, "metric", "noisy subset")
    page.wait_for_url("**metric=noisy_subset_accuracy**")
    page.reload()
    page.get_by_text("18 of 18").wait_for()
    page.get_by_role("link", name="Compare its runs").click()
    page.get_by_text(re.compile("18 runs, 18 of them finished")).wait_for()
