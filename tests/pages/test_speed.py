"""What keeps the pages fast and small, without a clock: what is sent, what is read, what is loaded."""

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.synthetic import make_run, make_sweep
from imae_core.analysis.emphasis import Examples
from imae_core.runs.folder import RunFolder
from imae_core.runs.submit import run_folder
from tests.pages.test_pages import app, nothing_starts, opened, texts  # noqa: F401
from tests.server import Server
from ui.inspect import map as data_map
from ui.server import send_at_once

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
LOADED = """
import sys
import app
assert hasattr(app, "app"), "imported, it is the server"
print(*(name for name in sys.argv[2:] if name in sys.modules))
from streamlit.testing.v1 import AppTest
drawn = AppTest.from_file(sys.argv[1], default_timeout=60).run()
assert not drawn.exception, drawn.exception
print(*(name for name in sys.argv[2:] if name in sys.modules))
"""
LATER = (
    *HEAVY, "pandas", "jinja2", "imae_core.analysis", "imae_core.training", "imae_core.paper", "imae_core.reports",
    "imae_core.runs.runner", "imae_core.data", "ui.cache",
)  # fmt: skip


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


@pytest.mark.parametrize("num_runs", [0, 3])
def test_server_and_first_page_load_what_they_draw(home, num_runs):
    """pyarrow comes with the first table of runs, pandas with a later page."""
    if num_runs:
        make_sweep(home, 300, 4, num_runs, eval_every=2)
    words = [sys.executable, "-c", LOADED, str(ROOT / "app.py"), *LATER, "pyarrow"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    server, page = done.stdout.splitlines()
    assert server.split() == []
    assert page.split() == (["pyarrow"] if num_runs else [])


def test_connections_do_not_wait_for_acknowledgements():
    with socket.socket() as listener, socket.socket() as client:  # without a protocol number, as Streamlit makes it
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        send_at_once()
        client.connect(listener.getsockname())
        with listener.accept()[0] as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_server_has_an_icon_of_its_own(home):
    server = Server(home)
    try:
        with urllib.request.urlopen(f"{server.url}/favicon.png", timeout=10) as answer:
            assert answer.read() == (ROOT / "ui" / "icon.png").read_bytes()
    finally:
        server.stop()


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


def test_what_curves_would_do_is_measured_once(app, large, monkeypatch):  # noqa: F811
    opened(app, "loss_lab", run=large)
    table = app.dataframe[0].value
    monkeypatch.setattr(Examples, "weights", None)  # a second measurement would call it
    again = opened(app, "loss_lab", run=large)
    pd.testing.assert_frame_equal(again.dataframe[0].value, table)
    assert "corrupted_mean" in table
