"""A report in a real browser without any network."""

import numpy as np
import pytest

from imae_core.data.dataset import Dataset
from imae_core.data.store import save_dataset
from imae_core.reports.page import write_report
from imae_core.runs.export import example_table
from tests.runs.folders import made_up_run

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_draws_and_saves_offline(home, tmp_path, chromium, scheme):
    pictures = np.zeros((60, 1, 8, 8), dtype=np.uint8)
    names = ("<img src=x onerror=document.title='broken'>", "</script><script>document.title='broken'</script>")
    names += tuple(map(str, range(8)))
    save_dataset(home, Dataset("mine", "mine", pictures, np.arange(60) % 10, pictures, np.arange(60) % 10, names))
    runs = [made_up_run(home, dataset="mine", rows=50, seed=seed) for seed in (0, 1)]
    write_report(runs, tmp_path / "report.html", title="A sweep")
    context = chromium.new_context(color_scheme=scheme, offline=True, viewport={"width": 1280, "height": 720})
    page = context.new_page()
    problems, asked = [], []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"file://{tmp_path / 'report.html'}")
    page.wait_for_selector("#comparison-0 .main-svg")
    page.click(f"#comparison a[href='#{runs[1][0].run_id}']")

    page.locator(f"[id='{runs[1][0].run_id}-4']").scroll_into_view_if_needed()
    page.wait_for_selector(f"[id='{runs[1][0].run_id}-4'] .main-svg")
    assert page.locator(f"[id='{runs[1][0].run_id}']").get_attribute("open") is not None
    with page.expect_download() as saved:
        page.click(f"[data-of='{runs[1][0].run_id}']")
    assert saved.value.path().read_text() == example_table(runs[1][1]).to_csv(index=False)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 27)"
    assert dark == (scheme == "dark")
    assert page.title() == "A sweep"
    assert not problems
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    context.close()
