"""A stranger's zip: through the upload form, into a run, and its pictures in Inspect."""

import pytest

from imae_core.data.store import is_ready
from imae_core.runs.store import Store
from tests.browser.conftest import settled
from tests.conftest import wait_until
from tests.data.imports.files import pictures, written, zip_of

pytestmark = pytest.mark.browser


def upload(page, path):
    page.locator(".st-key-upload_file input[type=file]").set_input_files(path)
    page.locator(f".st-key-upload_name_{path.stem} input").wait_for()
    page.locator(".st-key-upload_go button").click()


def test_a_zip_becomes_a_run_with_pictures(page, server, home, tmp_path):
    page.goto(f"{server.url}/datasets")
    settled(page)
    page.get_by_text("Add your own data").click()
    upload(page, written(tmp_path / "broken.zip", b"this is no archive"))
    page.get_by_text("it is no zip archive").wait_for()
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_text("it is no zip archive").wait_for(state="hidden")
    settled(page)
    upload(page, zip_of(tmp_path / "pets.zip", pictures(40)))
    page.get_by_text("importing is done").wait_for()
    page.get_by_role("button", name="Look at it").click()
    page.get_by_text("20 % of each class are held out").wait_for()
    assert is_ready(home, "pets")
    wait_until(lambda: page.locator(".st-key-samples .card img").count() == 2, 20)

    page.goto(f"{server.url}/train?dataset=pets")
    settled(page)
    page.get_by_text("The true labels of this data set are not known").wait_for()
    page.get_by_role("button", name="Queue 3 runs").click()
    page.wait_for_url("**/runs*")
    store = Store(home)
    wait_until(lambda: len(store.runs("done")) == 3, 120)
    page.goto(f"{server.url}/inspect?run={store.runs('done')[0].run_id}")
    page.get_by_text("Which labels are wrong is not known").wait_for()
    cards = page.locator(".st-key-gallery .card")
    cards.first.wait_for()
    assert cards.first.locator("img").evaluate("img => img.naturalWidth") == 8
