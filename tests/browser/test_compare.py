"""Compare in a real browser: filters, rows and lines by link, whole downloads, and from a picture into Inspect."""

import io
import re

import pandas as pd
import pytest

from tests.browser.conftest import settled
from tests.conftest import wait_until
from tests.runs.folders import made_up_run

pytestmark = pytest.mark.browser

LOSSES = ("cce", "imae", "gce")
SEEDS = 5


@pytest.fixture
def runs(home):
    """Of three losses, five seeds each, on the same examples where the seed is the same; by (loss, seed)."""
    found = {
        (loss, seed): made_up_run(home, loss=loss, seed=seed, rows=300)[1] for loss in LOSSES for seed in range(SEEDS)
    }
    for seed in range(SEEDS):
        folder = found["cce", seed]
        for epoch in folder.epochs("seen"):
            table = folder.dynamics("seen", epoch)
            folder.write_dynamics(
                "seen", epoch, {name: table[name] for name in table} | {"weight": 2 * (1 - table["p_label"])}
            )
    return found


def choose(page, key, *options):
    """Picks options of a select box, one after the other."""
    for option in options:
        wanted = page.get_by_role("option", name=re.compile(f"^{option}( ·.*)?$")).first

        def listed(wanted=wanted):
            if not wanted.is_visible():  # a list closes when its part of the page is drawn anew
                page.locator(f".st-key-{key} input").first.click()
            return wanted.is_visible()

        wait_until(listed, 30, 0.5)
        wanted.click()
        page.keyboard.press("Escape")
        page.get_by_role("listbox").wait_for(state="hidden")
        settled(page)


def chosen(page, key):
    return page.locator(f".st-key-{key} [data-tag]:not(template [data-tag])").all_inner_texts()


def saved(page, key):
    with page.expect_download() as download:
        page.locator(f".st-key-{key} button").first.click()
    return download.value.path().read_text()


def looks(page):
    """What a copied address has to bring back, as it is shown."""
    page.locator(".st-key-pair_gallery .card").first.wait_for()
    for drawn in (".st-key-compare_curve_0 .scatterlayer .trace", ".st-key-weight_pair .ytitle"):
        page.locator(drawn).first.wait_for(state="attached")
    return {
        "sentence": page.get_by_text(re.compile(r"\d+ runs, \d+ of them finished")).inner_text(),
        "filter": chosen(page, "loss"),
        "lines": chosen(page, "lines"),
        "map": page.get_by_text("hybrid, percent (higher is better)").count(),
        "single": page.locator(".st-key-single input").is_checked(),
        "epochs": [page.locator(f".st-key-{key} input[type=range]").get_attribute("aria-valuetext") for key in ("epoch_a", "epoch_b")],
        "axes": page.locator(".st-key-weight_pair .ytitle").text_content(),
        "change": page.locator(".st-key-change [data-selected=true] p").inner_text(),
        "cards": [card.get_attribute("data-row") for card in page.locator(".st-key-pair_gallery .card").all()],
    }  # fmt: skip


def test_what_is_chosen_survives_reload_and_travels_by_link(page, chromium, server, runs):
    page.goto(f"{server.url}/compare")
    settled(page)
    page.get_by_text("15 runs, 15 of them finished, in 3 rows").wait_for()
    choose(page, "loss", "CCE", "IMAE")
    page.get_by_text("10 runs, 10 of them finished, in 2 rows").wait_for()
    page.wait_for_url("**loss=cce*")
    page.reload()
    page.get_by_text("10 runs, 10 of them finished, in 2 rows").wait_for()
    page.locator(".st-key-loss [data-tag]").first.wait_for()  # the page is there before its parts are loaded
    assert chosen(page, "loss") == ["CCE", "IMAE"]

    page.get_by_text("A row a run").click()
    page.get_by_text("10 runs, 10 of them finished, in 10 rows").wait_for()
    page.wait_for_url("**single=True**")
    settled(page)
    table = pd.read_csv(io.StringIO(saved(page, "download_csv")))
    assert sorted(zip(table["loss.name"], table["seed"], strict=True)) == [
        (loss, seed) for loss in ("cce", "imae") for seed in range(SEEDS)
    ]
    latex, markdown = saved(page, "download_tex"), saved(page, "download_md")
    assert len(re.findall(r"^(?:CCE|IMAE) & .* \\\\$", latex, re.MULTILINE)) == 10
    assert len(re.findall(r"^\| (?:CCE|IMAE) \|", markdown, re.MULTILINE)) == 10

    page.locator(".st-key-lines").get_by_role("button", name="Remove CCE").click()
    page.wait_for_url("**lines=*")
    settled(page)
    choose(page, "metric", "hybrid")
    page.wait_for_url("**metric=hybrid_accuracy**")
    choose(page, "b", "IMAE .* seed 0")
    page.wait_for_url(f"**b={runs['imae', 0].run_id}**")
    slider = page.locator(".st-key-epoch_a input[type=range]")
    slider.focus()
    slider.press("ArrowLeft")
    page.wait_for_url("**epoch_a=2**")
    page.locator(".st-key-axes").get_by_text("rank", exact=True).click()
    page.wait_for_url("**axes=rank**")
    page.locator(".st-key-change").get_by_text("Heavy in IMAE, light in CCE").click()
    page.wait_for_url("**change=heavy_b**")
    settled(page)
    before = looks(page)
    assert before["lines"] == ["IMAE"]

    other = chromium.new_page(viewport={"width": 1280, "height": 900})
    other.goto(page.url)
    settled(other)
    other.get_by_text("10 runs, 10 of them finished, in 10 rows").wait_for()
    assert looks(other) == before
    other.close()


def test_a_picture_opens_in_inspect_and_the_link_leads_back(page, server, runs):
    a, b = runs["cce", 3], runs["imae", 3]
    page.goto(f"{server.url}/compare?a={a.run_id}&b={b.run_id}&epoch_a=2&change=heavy_b")
    settled(page)
    page.locator(".st-key-pair_gallery .card").first.wait_for()
    cards = [card.get_attribute("data-row") for card in page.locator(".st-key-pair_gallery .card").all()]
    wanted, link = int(cards[1]), page.url
    whole = pd.read_csv(io.StringIO(saved(page, "changed_csv")))
    assert set(map(int, cards)) <= set(whole["row_a"])
    page.locator(".st-key-pair_gallery .card").nth(1).click()
    page.wait_for_url("**/inspect?*")
    page.get_by_role("dialog").get_by_text(f"Example {a.examples()['index'][wanted]}").wait_for()
    assert f"run={a.run_id}" in page.url
    page.goto(link)
    settled(page)
    page.locator(".st-key-pair_gallery .card").first.wait_for()
    assert page.locator(".st-key-epoch_a input[type=range]").get_attribute("aria-valuetext") == "2"
