"""The Loss lab in a real browser: type a formula, drag a point, train with it."""

import pytest

from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder
from tests.browser.conftest import settled
from tests.conftest import wait_until

pytestmark = pytest.mark.browser

NAMES = "document.querySelector('.st-key-lab_figure .imae-chart').data.map(trace => trace.name)"


def handle(page, place):
    return page.locator(".st-key-lab_1_points .handle").nth(place)


def centre(page, place):
    box = handle(page, place).locator(".dot").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_type_a_formula_drag_a_point_and_train_with_it(page, server, home):
    page.set_default_timeout(60_000)
    page.goto(f'{server.url}/loss_lab?curves=[["formula",{{}}],["drawn",{{"points":[[0,1],[0.5,4],[1,1]]}}]]')
    page.locator(".st-key-lab_figure .scatterlayer .trace").nth(1).wait_for(state="attached")
    box = page.get_by_role("textbox", name="Weight")
    box.fill("2*(1-p")
    box.press("Enter")
    page.get_by_text("Formula, character").wait_for()
    box.fill("2*(1-p)^0.7")
    box.press("Enter")
    wait_until(lambda: "Formula (2·(1-p)^0.7)" in page.evaluate(NAMES), 20)

    handle(page, 1).scroll_into_view_if_needed()
    x, y = centre(page, 1)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y - 20, steps=6)
    page.mouse.up()
    page.wait_for_url("**%5B0.3**")
    wait_until(lambda: len(page.evaluate(NAMES)) == 2, 10)
    settled(page)
    dragged = handle(page, 1).get_attribute("aria-valuetext")
    p, weight = (float(part.split()[-1]) for part in dragged.split(","))
    assert 0.3 < p < 0.4
    assert 4.1 < weight < 5

    handle(page, 1).focus()
    handle(page, 1).press("ArrowUp")
    handle(page, 1).press("ArrowUp")
    wait_until(lambda: handle(page, 1).get_attribute("aria-valuetext") != dragged, 10)
    page.locator(".st-key-lab_1_points").get_by_role("button", name="Add a point").click()
    wait_until(lambda: page.locator(".st-key-lab_1_points .handle").count() == 4, 10)
    page.wait_for_timeout(1500)  # what the keys and the button did is told after a pause
    settled(page)
    found = [handle(page, place).get_attribute("aria-valuetext") for place in range(4)]
    points = [[float(part.split()[-1]) for part in text.split(",")] for text in found]
    page.get_by_text("Points as numbers").click()

    page.locator(".st-key-lab_train_1 button").first.click()
    page.wait_for_url("**/train?curves=**")
    settled(page)
    page.get_by_text("Drawn curve (your own)").first.wait_for()
    page.get_by_text("Change the recipe").click()
    length = page.get_by_role("spinbutton", name="Epochs", exact=True)
    length.fill("3")
    length.press("Enter")
    settled(page)
    page.get_by_role("button", name="Queue 1 run").click()
    page.wait_for_url("**/runs*")
    wait_until(lambda: Store(home).runs("done"), 120)
    (run,) = Store(home).runs()
    assert run.config.loss.params == {"points": points, "smooth": 1}
    assert run.title.startswith("Drawn curve (0:1,")
    assert run_folder(home, run.run_id).result()["epochs"] == 3
