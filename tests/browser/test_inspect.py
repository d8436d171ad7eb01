"""Inspect in a real browser: scrubbing without the server, zoom that stays, figures that choose examples."""

import pytest

from imae_core.recipes import make_config
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder, submit
from tests.browser.conftest import settled
from tests.conftest import wait_until

pytestmark = pytest.mark.browser

ZOOMED = "document.querySelector('.imae-hist')._fullLayout.xaxis.range.map((end) => end.toFixed(3)).join()"

# in one call: a live chart replaces its elements all the time
PLOT = """selector => {
  document.querySelector(selector).scrollIntoView({ block: "center" });
  const box = document.querySelector(selector).getBoundingClientRect();
  return [box.x, box.y, box.width, box.height];
}"""


def scope(page, name):
    """What the component says of itself: epoch, epochs, milliseconds of the last redraw."""
    return float(page.locator(".imae-scope").get_attribute(f"data-{name}"))


def drag(page, chart, corners):
    """Draws with the mouse through corners given as fractions of a chart's plotting area."""
    left, top, width, height = page.evaluate(PLOT, f"{chart} .nsewdrag")
    points = [(left + x * width, top + y * height) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def test_zoom_stays_while_a_run_grows_and_is_scrubbed(page, server, home):
    (run_id,) = submit(home, [make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4}, epochs=4000, eval_every=50)])
    wait_until(lambda: len(run_folder(home, run_id).epochs("seen")) > 5)
    page.goto(f"{server.url}/inspect?run={run_id}")
    page.locator(".imae-hist .bars path").first.wait_for(state="attached")
    whole = page.evaluate(ZOOMED)

    def zoom():
        drag(page, ".imae-hist", [(0.1, 0.5), (0.5, 0.5)])
        return page.evaluate(ZOOMED) != whole

    wait_until(zoom, 20)
    zoomed, epochs = page.evaluate(ZOOMED), scope(page, "epochs")
    wait_until(lambda: scope(page, "epochs") > epochs + 3, 60)
    assert page.evaluate(ZOOMED) == zoomed, "zoom outlives new epochs"
    page.get_by_text("Follow the training").click()
    settled(page)
    slider = page.get_by_role("slider", name="Epoch")
    slider.focus()
    before = scope(page, "epoch")
    for _ in range(3):
        slider.press("ArrowLeft")
    wait_until(lambda: scope(page, "epoch") <= before - 1, 10)
    assert page.evaluate(ZOOMED) == zoomed, "and scrubbing"
    Store(home).wish_stop(run_id)


@pytest.fixture
def finished(home):
    (run_id,) = submit(home, [make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4}, epochs=20, device="cpu")])
    wait_until(lambda: Store(home).get(run_id).state == "done", 120)
    return run_id


def test_a_lasso_and_a_matrix_cell_choose_the_examples(page, server, home, finished):
    page.goto(f"{server.url}/inspect?run={finished}&tool=map")
    page.locator(".st-key-data_map .gl-canvas").first.wait_for()
    cards = page.locator(".st-key-gallery .card")
    cards.nth(47).wait_for()
    everybody = cards.first.get_attribute("data-row")
    drag(page, ".st-key-data_map", [(0.02, 0.98), (0.02, 0.02), (0.98, 0.02), (0.02, 0.9)])
    bar = page.locator(".st-key-selection_bar")
    bar.get_by_text("inside the region").wait_for()
    page.wait_for_url("**selection=region**")
    chosen = bar.locator("p").first.inner_text()
    page.locator(".imae-hist .legend").get_by_text("selected").wait_for()
    page.reload()
    bar.get_by_text("inside the region").wait_for()
    assert bar.locator("p").first.inner_text() == chosen, "a link brings the region back"

    page.get_by_role("button", name="Clear").click()
    bar.wait_for(state="hidden")
    page.get_by_text("Matrices").click()
    page.locator(".st-key-label_matrix .heatmaplayer image").first.wait_for()
    left, top, width, height = page.evaluate(PLOT, ".st-key-label_matrix .nsewdrag")
    page.mouse.move(left + 0.35 * width, top + 0.05 * height)
    page.mouse.click(left + 0.35 * width, top + 0.05 * height)
    bar.get_by_text("true 0, given 3").wait_for()
    page.wait_for_url("**selection=cell**")
    examples = run_folder(home, finished).examples()
    count = int(((examples["true_label"] == 0) & (examples["given_label"] == 3)).sum())
    wait_until(lambda: cards.count() == count, 20)
    assert cards.first.get_attribute("data-row") != everybody
