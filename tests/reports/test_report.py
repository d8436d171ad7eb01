"""Reports: what they say is what was recorded; what strangers named is only ever text."""

import base64
import gzip
import html
import io
import json
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from imae_core.data.dataset import Dataset
from imae_core.data.store import save_dataset
from imae_core.errors import BadInputError
from imae_core.palette import COLOR
from imae_core.recipes import make_config
from imae_core.reports import page
from imae_core.reports.comparison import compare
from imae_core.reports.content import _settings, run_content
from imae_core.reports.page import plotly_script, report_html, write_report
from imae_core.runs.export import example_table
from tests.runs.folders import made_up_run

EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def small_script(monkeypatch):
    """The real one is 5 MB; the test in a browser has it."""
    monkeypatch.setattr(page, "plotly_script", lambda: "")


class Reader(HTMLParser):
    """Tags with their attributes, and the text of each script and of the rest."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.words, self.inside = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside = tag
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self.inside != "style":
            self.words.append(data.strip())

    def script(self, name):
        return next(text for attributes, text in self.scripts if attributes.get("id") == name)


def facts(rows):
    return {name: value for name, value, _ in rows}


def test_one_run_says_what_was_recorded(home):
    run, folder = made_up_run(home)
    content = run_content(run, folder)
    assert facts(content.results)["Test accuracy, last epoch"] == "91.0 %"
    assert facts(content.results)["Test accuracy, best epoch"] == "92.0 %"
    assert "chosen on the test set" in next(remark for name, _, remark in content.results if "best" in name)
    assert facts(content.settings)["Length"] == "3 epochs"
    assert facts(content.noise)["Realised rate"] == "33 %"
    assert facts(content.environment)["Packages"] == "Python 3.11.9"
    assert [title for title, _, _ in content.figures] == [
        "Accuracy over epochs", "Weight", "Probability of the given label", "Share of the gradient",
        "Realised transition matrix",
    ]  # fmt: skip


def test_histograms_of_first_middle_and_last_epoch(home):
    run, folder = made_up_run(home, epochs=7)
    figure = {title: figure for title, _, figure in run_content(run, folder).figures}["Weight"]
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["epoch 1", "epoch 4", "epoch 7"]
    bars = {(bar["name"], bar["xaxis"]): bar for bar in figure["data"]}
    assert len(bars) == 6
    assert bars["corrupted", "x3"]["marker"]["color"] == COLOR["corrupted"]
    assert sum(bars["clean", "x2"]["y"]) == pytest.approx(100, abs=0.5)
    weight = folder.dynamics("seen", 4)["weight"][folder.examples()["is_corrupted"]]
    mean = np.average(bars["corrupted", "x2"]["x"], weights=bars["corrupted", "x2"]["y"])
    assert mean == pytest.approx(weight.mean(), abs=bars["corrupted", "x2"]["width"])


def test_the_matrix_and_the_share_are_the_recorded_ones(home):
    run, folder = made_up_run(home)
    found = {title: figure for title, _, figure in run_content(run, folder).figures}
    examples = folder.examples()
    counts = np.array(found["Realised transition matrix"]["data"][0]["customdata"])
    assert counts.sum() == 60
    assert counts.trace() == 40
    assert counts[3, 4] == ((examples["true_label"] == 3) & (examples["given_label"] == 4)).sum()
    weight = folder.dynamics("seen", 3)["weight"].to_numpy()
    share = found["Share of the gradient"]["data"][0]["y"][-1]
    assert share == pytest.approx(100 * weight[examples["is_corrupted"]].sum() / weight.sum(), rel=1e-3)


def test_all_rows_are_attached_and_the_most_suspicious_come_first(home):
    run, folder = made_up_run(home, rows=90)
    content = run_content(run, folder)
    reader = Reader(report_html([(run, folder)]))
    attached = gzip.decompress(base64.b64decode(reader.script(f"scores-{run.run_id}")))
    table = example_table(folder)
    pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(attached)), table, check_dtype=False, rtol=1e-6)
    first = table.loc[table["suspicion"].idxmax()]
    assert content.suspects[0].lines[0] == f"example {first['index']}"
    assert content.suspects[0].picture.startswith("data:image/png;base64,")
    assert {card.color for card in content.suspects} == {COLOR["corrupted"]}


def test_unknown_truth_is_not_made_up(home):
    run, folder = made_up_run(home, known=False)
    content = run_content(run, folder)
    assert facts(content.noise)["Realised rate"] == "not known"
    assert [title for title, _, _ in content.figures] == [
        "Accuracy over epochs", "Weight", "Probability of the given label",
    ]  # fmt: skip
    assert {card.color for card in content.suspects} == {COLOR["all"]}
    assert facts(content.results)["Noisy subset"] == "–"


def test_a_run_without_result_or_data_says_so(home):
    run, folder = made_up_run(home, done=False, dataset="gone")
    text = " ".join(Reader(report_html([(run, folder)])).words)
    assert "This run is stopped" in text
    assert "No pictures and class names: there is no data set 'gone'" in text
    for file in folder.lasting_files():
        if file.name != "config.json":
            file.unlink()
    assert "it has ended 0 epoch(s)" in report_html([(run, folder)])


def test_examples_that_the_data_set_does_not_have_are_shown_without_pictures(home):
    run, folder = made_up_run(home, rows=1500)
    content = run_content(run, folder)
    assert "is another data set by now" in content.remarks[0]
    assert not content.suspects[0].picture


def test_several_runs_are_compared_first(home):
    runs = [made_up_run(home, seed=seed, loss=loss) for loss in ("cce", "imae") for seed in (0, 1)]
    better = runs[3][1]
    better.write_result(better.result() | {"final_test_accuracy": 0.97, "noisy_subset_accuracy": 0.3})
    runs.append(made_up_run(home, seed=2, done=False))
    found = compare(runs)
    place = found.columns.index("Test accuracy, last epoch")
    assert [line.cells[place] for line in found.runs] == [
        ("91.0 %", False), ("91.0 %", False), ("91.0 %", False), ("97.0 %", True), ("–", False),
    ]  # fmt: skip
    noisy = found.columns.index("Noisy subset")
    assert [line.cells[noisy][1] for line in found.runs] == [True, True, True, False, False], "lower is better"
    assert "(stopped)" in found.runs[4].name
    means = {line.name: line.cells[place][0] for line in found.means}
    assert means == {"CCE, 2 runs": "91.0 ± 0.0 %", "IMAE, 2 runs (1 stopped)": "94.0 ± 4.2 %"}
    text = report_html(runs)
    assert found.caption in html.unescape(text)
    assert text.index('id="comparison"') < text.index(f'id="{runs[0][0].run_id}"')
    figures = json.loads(Reader(text).script("figures"))
    assert len(figures["comparison-0"]["data"]) == 5
    assert {tag["id"] for name, tag in Reader(text).tags if tag.get("class") == "chart"} == set(figures)


def test_the_best_is_marked_among_runs_of_the_same_noise(home):
    runs = [
        made_up_run(home, loss="cce"),
        made_up_run(home, loss="imae"),
        made_up_run(home, loss="imae", dataset="mnist"),
    ]
    for (_, folder), accuracy in zip(runs, (0.8, 0.7, 0.99), strict=True):
        folder.write_result(folder.result() | {"final_test_accuracy": accuracy})
    found = compare(runs)
    place = found.columns.index("Test accuracy, last epoch")
    assert [line.cells[place] for line in found.runs] == [("80.0 %", True), ("70.0 %", False), ("99.0 %", False)]
    assert found.means == []


@pytest.fixture
def evil_run(home):
    """A run on a data set whose classes are named to break out of a page."""
    pictures = np.zeros((60, 1, 8, 8), dtype=np.uint8)
    labels = np.arange(60) % 10
    names = (EVIL, "</script><img src=x onerror=alert(2)>", "'\"><b>", "{{ 7 * 7 }}", *map(str, range(6)))
    save_dataset(home, Dataset("mine", "mine", pictures, labels, pictures, labels, names))
    run, folder = made_up_run(home, rows=50, dataset="mine", group=EVIL)
    return run, folder


def test_names_are_only_ever_text(evil_run):
    run, folder = evil_run
    folder.write_environment(folder.environment() | {"hostname": EVIL, "platform": "</title>" + EVIL})
    folder.write_result(folder.result() | {"warning": EVIL})
    text = report_html([(run, folder), (run, folder)], title=EVIL)
    assert EVIL not in text
    assert "<img src=x" not in text
    reader = Reader(text)
    assert EVIL in "".join(reader.words), "it is shown, as text"
    labels = json.loads(reader.script("figures"))
    assert f"0 {EVIL}" in json.dumps(labels)
    assert "{{ 7 * 7 }}" in "".join(reader.words), "a name is no template"


def test_nothing_is_asked_from_anywhere(home):
    text = report_html([made_up_run(home)])
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)", text)
    assert "default-src 'none'" in text


def test_a_missing_package_and_bad_names_are_said(home, tmp_path, monkeypatch):
    runs = [made_up_run(home)]
    with pytest.raises(BadInputError, match=r"is written as \.html"):
        write_report(runs, tmp_path / "report.pdf")
    write_report(runs, tmp_path / "report.html")
    with pytest.raises(BadInputError, match="is there already"):
        write_report(runs, tmp_path / "report.html")
    assert "Plotly" in plotly_script()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInputError, match="pip install plotly"):
        plotly_script()


@pytest.mark.parametrize(
    ("recipe", "rate", "schedule", "sgd"),
    [("fast_cpu", "0.3, times 4 for batch norm's biases", "a triangle with its peak at 23% of training", "Nesterov momentum 0.85"),
     ("apl_cnn8", "0.01", "cosine", "momentum 0.9"), ("he", "0.1", "times 0.1 at 0.5, 0.75 of training", "momentum 0.9")],
)  # fmt: skip
def test_settings_say_the_schedule_and_the_optimiser(recipe, rate, schedule, sgd):
    run = SimpleNamespace(config=make_config("cifar10", (3, 32, 32), 50_000, recipe=recipe))
    said = {name: (value, note) for name, value, note in _settings(run)}
    assert said["Learning rate"] == (rate, schedule)
    assert said["SGD"][0] == sgd
