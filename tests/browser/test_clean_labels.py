"""Reviewing labels by keyboard in a real browser: nothing is lost, whatever dies; and what is made of it."""

import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from imae_core.data.imports import ImportOptions, import_dataset
from imae_core.data.store import load_dataset
from imae_core.review import Entry, Journal
from imae_core.runs.store import Store
from tests.browser.conftest import settled
from tests.conftest import wait_until
from tests.runs.folders import made_up_run

pytestmark = pytest.mark.browser


@pytest.fixture
def run(home):
    """A run on digits in which every third of 60 labels is wrong, and the net suggests the right one."""
    folder = made_up_run(home, rows=60)[1]
    digits, examples = load_dataset(home, "digits"), folder.examples()
    true = np.asarray(digits.train_labels, dtype=np.int32)[examples["index"]]
    given = np.where(examples["is_corrupted"], (true + 1) % 10, true).astype(np.int32)
    columns = {name: examples[name].to_numpy() for name in ("index", "is_corrupted", "split")}
    folder.write_examples(columns | {"given_label": given, "true_label": true})
    probs = np.full((60, 10), 0.02, dtype=np.float32)
    probs[np.arange(60), true] = 0.82
    folder.write_array("pred_probs", probs)
    return folder


def ready(page):
    page.locator(".queue .headline").wait_for()
    settled(page)


def saved(page):
    page.locator(".queue .saved[data-pending='0']").wait_for()


def count(page):
    return int(re.match(r"\d+", page.locator(".queue .count").inner_text())[0])


def current(page):
    """Index of the example that is shown."""
    return int(page.locator(".queue .facts dd").first.inner_text())


def stands(home, run, reviewer="Ada"):
    decisions = Journal(home, run.run_id, reviewer).review().decisions
    return {index: (entry.action, entry.label) for index, entry in decisions.items()}


def test_ten_by_keyboard_survive_the_death_of_the_app(page, server, home, run):
    page.goto(f"{server.url}/clean_labels?run={run.run_id}&reviewer=Ada")
    ready(page)
    labels = run.examples().set_index("index")
    expected = {}
    for key in "rkdu8rrkrd":
        index = current(page)
        true, given = labels.loc[index, ["true_label", "given_label"]]
        suggested = true if true != given else 1 if given == 0 else 0
        action = {"r": "relabel", "k": "keep", "d": "drop", "u": "unsure", "8": "keep" if given == 8 else "relabel"}[
            key
        ]
        expected[index] = (action, {"r": suggested, "8": 8}.get(key) if action == "relabel" else None)
        page.keyboard.press(key)
        wait_until(lambda index=index: current(page) != index, 10)
    saved(page)
    assert stands(home, run) == expected
    server.kill()
    waiting = [current(page)]
    page.keyboard.press("k")
    waiting.append(current(page))
    page.keyboard.press("d")
    assert count(page) == 12
    assert stands(home, run) == expected, "the app is dead"
    page.locator(".queue .saved[data-pending='2']").wait_for()
    page.locator(".queue .saved.late").wait_for()
    server.start()
    page.reload()
    ready(page)
    saved(page)
    assert count(page) == 12
    expected |= {waiting[0]: ("keep", None), waiting[1]: ("drop", None)}
    assert stands(home, run) == expected, "what waited in the browser came in"
    page.keyboard.press("z")
    saved(page)
    assert current(page) == waiting[1], "an undone example is shown again"
    expected.pop(waiting[1])
    wait_until(lambda: stands(home, run) == expected, 10)


def test_keys_faster_than_the_server(page, server, home, run):
    page.goto(f"{server.url}/clean_labels?run={run.run_id}&reviewer=Ada")
    ready(page)
    for key in "rkdrkdrkdrkd":
        page.keyboard.press(key)
    saved(page)
    wait_until(lambda: len(stands(home, run)) == 12, 10)
    order = np.argsort(run.trajectory()["mean_p_label"], kind="stable")[:12]
    assert set(stands(home, run)) == set(run.examples()["index"].to_numpy()[order]), "none was passed over"
    assert [entry.action for entry in Journal(home, run.run_id, "Ada").review().standing][2::3] == ["drop"] * 4


def test_reviewers_mouse_and_a_second_tab(page, chromium, server, home, run):
    page.goto(f"{server.url}/clean_labels?run={run.run_id}&reviewer=Ada")
    ready(page)
    first = current(page)
    page.locator(".queue .act.drop").click()
    saved(page)
    other = chromium.new_page()
    other.goto(f"{server.url}/clean_labels?run={run.run_id}&reviewer=Ada")
    ready(other)
    assert current(other) != first
    second = current(other)
    other.keyboard.press("k")
    saved(other)
    assert other.locator(".queue .tile.decided").count() == 2
    other.close()
    page.keyboard.press("u")
    saved(page)
    actions = [entry.action for entry in Journal(home, run.run_id, "Ada").review().standing]
    assert actions == ["drop", "keep", "unsure"]
    assert stands(home, run)[second] == ("unsure", None), "the later word counts"
    page.get_by_label("Reviewer", exact=True).fill("Grace")
    page.keyboard.press("Enter")
    page.wait_for_url("**reviewer=Grace**")
    page.get_by_text("0 of 60 reviewed").wait_for()
    assert stands(home, run, "Grace") == {}
    page.get_by_label("Reviewer", exact=True).press("k")
    assert stands(home, run, "Grace") == {}, "typing a name is no decision"


def test_from_the_review_to_a_repaired_run_and_back(page, server, home, run, tmp_path):
    labels = run.examples()
    wrong = labels.loc[labels["is_corrupted"], ["index", "true_label"]].to_numpy()
    entries = [Entry("test", number, "relabel", int(i), label=int(true)) for number, (i, true) in enumerate(wrong, 1)]
    Journal(home, run.run_id, "Ada").record(entries)
    page.goto(f"{server.url}/clean_labels?run={run.run_id}&reviewer=Ada&step=repair")
    settled(page)
    page.get_by_text("relabelled 20").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Corrected labels (CSV)").click()
    download.value.save_as(tmp_path / "labels.csv")
    table = pd.read_csv(tmp_path / "labels.csv")
    assert table["index"].tolist() == labels["index"].tolist()
    assert table["final_label"].tolist() == labels["true_label"].tolist()
    page.get_by_role("button", name="Train on the repaired data").click()
    page.get_by_text("is made").wait_for()
    page.get_by_role("button", name="Prepare digits-repaired.zip").click()
    page.get_by_role("button", name="Download digits-repaired.zip").wait_for(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download digits-repaired.zip").click()
    download.value.save_as(tmp_path / "again.zip")
    with zipfile.ZipFile(tmp_path / "again.zip") as archive:
        assert len([name for name in archive.namelist() if name.startswith("train/")]) == 60
    import_dataset(home, tmp_path / "again.zip", ImportOptions(name="again"), lambda *_: None)
    assert load_dataset(home, "again").num_train == 60
    repaired = load_dataset(home, "digits-repaired")
    np.testing.assert_array_equal(repaired.train_labels, labels["true_label"])
    counts = [np.bincount(load_dataset(home, name).train_labels) for name in ("again", "digits-repaired")]
    np.testing.assert_array_equal(*counts)
    page.get_by_role("link", name="Compare both runs").click()
    page.wait_for_url("**/runs?runs=*")
    store = Store(home)
    wait_until(lambda: len(store.runs("done")) == 2, 120)
    assert {stored.config.dataset for stored in store.runs()} == {"digits", "digits-repaired"}
