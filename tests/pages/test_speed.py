"""What keeps the pages fast and small, without a clock: what is sent, what is read, what is loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.synthetic import make_run, make_sweep
from imae_core.runs.folder import RunFolder
from imae_core.runs.submit import run_folder
from tests.pages.test_pages import app, nothing_starts, opened, texts  # noqa: F401
from ui.inspect import map as data_map

pytestmark = pytest.mark.usefixtures("nothing_starts")

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "sklearn", "scipy", "cleanlab", "mlflow", "matplotlib", "ray")
VISIT = """
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file(sys.argv[1], default_timeout=60)
app.query_params["run"] = sys.argv[2]
for page, query in (("overview", {}), ("datasets", {}), ("train", {}), ("runs", {}), ("inspect", {"tool": "map"}),
                    ("inspect", {"tool": "matrix", "example": "3"}), ("compare", {}), ("clean_labels", {"step": "review"}),
                    ("clean_labels", {"step": "estimates"}), ("clean_labels", {"step": "estimates", "scores": "epoch"}),
                    ("clean_labels", {"step": "estimates", "scores": "loss"}), ("clean_labels", {"step": "repair"}),
                    ("loss_lab", {}), ("studies", {}), ("paper", {}), ("paper", {"view": "runs"}),
                    ("paper", {"view": "figures"})):
    app = AppTest.from_file(sys.argv[1], default_timeout=60).run()
    for key, value in ({"run": sys.argv[2]} | query).items():
        app.query_params[key] = value
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, (page, app.exception)
print(*(name for name in sys.argv[3:] if name in sys.modules))
"""


@pytest.fixture
def large(home):
    """More examples than the data map draws one by one, over a few epochs."""
    return make_run(home, data_map.ALL_POINTS + 5_000, 8, eval_every=2)


def sent(app, name):  # noqa: F811
    """What a component was given."""
    return [json.loads(e.proto.json) for e in app.get("bidi_component") if e.proto.component_name == f"imae_{name}"]


def test_no_page_loads_a_package_for_statistics_or_training(home):
    run_ids = make_sweep(home, 300, 4, 3, eval_every=2)
    words = [sys.executable, "-c", VISIT, str(ROOT / "app.py"), run_ids[-1], *HEAVY]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_large_data_map_sends_a_sample_and_a_density(app, large):  # noqa: F811
    opened(app, "inspect", run=large, tool="map")
    (drawn,) = [json.loads(chart["figure"]) for chart in sent(app, "chart") if chart["name"] == "data_map"]
    points = [trace for trace in drawn["data"] if trace["type"].startswith("scatter")]
    assert f"a sample of {data_map.SAMPLE:,} of {data_map.ALL_POINTS + 5_000:,}" in texts(app)
    assert len(points) == 2
    assert sum(len(json.dumps(chart)) for chart in sent(app, "chart")) < 250_000
    assert len(sent(app, "scope")[0]["payload"]) < 8 * 1_500 + 15_000, "a kilobyte and a half an epoch"


def test_a_figure_is_made_once_for_all_who_look_at_the_same(app, large, monkeypatch):  # noqa: F811
    opened(app, "inspect", run=large, tool="map")
    before = [chart["figure"] for chart in sent(app, "chart") if chart["name"] == "data_map"]
    monkeypatch.setattr(data_map, "_add_points", None)  # a second drawing would call it
    again = opened(app, "inspect", run=large, tool="map")
    assert [chart["figure"] for chart in sent(again, "chart") if chart["name"] == "data_map"] == before


def test_a_class_reads_only_the_columns_that_it_counts(app, home, large, monkeypatch):  # noqa: F811
    opened(app, "inspect", run=large)
    monkeypatch.setattr(RunFolder, "dynamics", None)
    app.selectbox(key="scope_class").set_value(3).run()
    assert not app.exception
    counts = json.loads(sent(app, "scope")[0]["payload"])["quantities"]["weight"]["populations"]
    assert sum(sum(part["counts"][0]) for part in counts.values()) == int(
        (run_folder(home, large).examples()["given_label"] == 3).sum()
    )


def test_three_hundred_runs_are_not_listed_file_by_file(app, home, monkeypatch):  # noqa: F811
    make_sweep(home, 60, 3, 8, eval_every=3)
    listed = []
    epochs = RunFolder.epochs
    monkeypatch.setattr(RunFolder, "epochs", lambda folder, source: listed.append(folder) or epochs(folder, source))
    opened(app, "compare")
    assert len(set(listed)) == 2, "only the two whose examples are compared"
