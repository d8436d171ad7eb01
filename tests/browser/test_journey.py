"""What a person does first: one click, three runs, Inspect. In a real browser against a real server."""

import re

import pytest

from imae_core.recipes import make_config
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder, submit
from tests.browser.conftest import settled
from tests.conftest import wait_until

pytestmark = pytest.mark.browser

BARS = "els => els.map(el => { const b = el.getBBox(); return [Math.round(b.x), Math.round(b.height)]; })"


def drawn_bars(page):
    """Positions and heights of the distribution's bars, as drawn."""
    page.wait_for_selector(".imae-hist .bars path", state="attached")
    return page.eval_on_selector_all(".imae-hist .bars path", BARS)


def test_one_click_to_the_papers_experiment_and_into_inspect(page, server, home):
    page.goto(server.url)
    settled(page)
    page.get_by_role("button", name="Run the paper's experiment on digits").click()
    page.wait_for_url("**/runs*")
    page.get_by_text("Log of IMAE").wait_for()
    store = Store(home)
    wait_until(lambda: len(store.runs("done")) == 3, 180)
    page.locator(".st-key-curve_test_accuracy .scatterlayer .trace").nth(2).wait_for()
    accuracies = {run.config.loss.name: run_folder(home, run.run_id).result() for run in store.runs()}
    assert accuracies["imae"]["final_test_accuracy"] > accuracies["cce"]["final_test_accuracy"]

    imae = next(run for run in store.runs() if run.config.loss.name == "imae")
    page.goto(f"{server.url}/inspect?run={imae.run_id}&epoch=60")
    finding = page.locator(".imae-finding")
    finding.get_by_text(re.compile(r"Corrupted examples are 38 % of the data and get \d+ % of the gradient")).wait_for()
    bars = drawn_bars(page)
    assert len(bars) > 50, "two populations of fifty bins"
    sentence = finding.inner_text()

    slider = page.get_by_role("slider", name="Epoch")
    slider.focus()
    slider.press("Home")
    page.wait_for_url("**epoch=1&**")
    page.get_by_text("as trained, epoch 1.").first.wait_for()
    wait_until(lambda: drawn_bars(page) != bars, 20)
    assert finding.inner_text() != sentence

    cards = page.locator(".st-key-gallery .card")
    cards.nth(47).wait_for()
    assert cards.count() == 48
    assert cards.first.locator("img").evaluate("img => img.naturalWidth") == 8
    row = cards.nth(2).get_attribute("data-row")
    cards.nth(2).click()
    page.locator(".st-key-trajectory .scatterlayer .trace").nth(2).wait_for()
    page.wait_for_url(f"**example={row}**")

    page.reload()
    page.get_by_role("dialog").get_by_text("Nearest neighbours").wait_for()
    assert "epoch=1&" in page.url, "a deep link restores the epoch"
    assert page.locator(".card.chosen").get_attribute("data-row") == row
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "example=" not in url)


def test_the_app_never_loads_torch_and_stays_small(page, server, capsys):
    for path in ("", "datasets", "train", "runs", "inspect"):
        page.goto(f"{server.url}/{path}")
        settled(page)
    assert "libtorch" not in server.loaded_libraries()
    with capsys.disabled():
        print(f"\nresident memory of the app after all pages: {server.resident_megabytes():.0f} MB")
    assert server.resident_megabytes() < 500


def test_a_deep_link_as_the_first_request_has_the_frame(page, server):
    page.goto(f"{server.url}/datasets")
    page.get_by_role("link", name="Overview").wait_for()
    page.get_by_text("What label noise would do").wait_for()


def test_closing_the_tab_and_killing_the_app_do_not_end_a_run(page, chromium, server, home):
    (run_id,) = submit(home, [make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4}, epochs=4000, eval_every=50)])
    folder, store = run_folder(home, run_id), Store(home)

    def step():
        return folder.heartbeat().get("step") or 0

    wait_until(lambda: step() > 50)
    page.goto(f"{server.url}/runs")
    page.get_by_text("Log of CCE").wait_for()
    page.close()
    server.kill()
    before = step()
    wait_until(lambda: step() > before + 50)
    server.start()
    again = chromium.new_page()
    again.set_default_timeout(30_000)
    again.goto(f"{server.url}/inspect?run={run_id}")
    again.get_by_text("Follow the training").wait_for()
    shown = again.locator(".imae-finding")
    shown.wait_for()
    epoch = re.search(r"epoch=(\d+)", again.url)
    again.wait_for_url(
        lambda url: (m := re.search(r"epoch=(\d+)", url)) is not None and (not epoch or m[1] != epoch[1])
    )
    again.goto(f"{server.url}/runs")
    again.get_by_role("button", name="Stop").click()
    wait_until(lambda: store.get(run_id).state == "stopped", 30)
    again.close()


def test_a_data_set_without_a_network_says_what_to_do(page, server, home, monkeypatch):
    page.goto(f"{server.url}/datasets?dataset=cifar10")
    page.get_by_role("button", name="Fetch CIFAR-10").click()
    page.get_by_text(re.compile("Cannot download CIFAR-10: no connection")).wait_for(timeout=60_000)
    page.get_by_role("button", name="Fetch CIFAR-10").wait_for()
