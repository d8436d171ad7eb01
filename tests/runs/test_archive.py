"""Runs as a zip: what goes out comes in elsewhere, and nothing that a stranger packed does harm."""

import io
import json
import stat
import zipfile

import numpy as np
import pyarrow as pa
import pytest

from imae_core.errors import BadInputError, FormatVersionError, ImaeError
from imae_core.runs import archive
from imae_core.runs.archive import import_runs
from imae_core.runs.export import export_runs
from imae_core.runs.folder import DYNAMICS_TYPES
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder
from tests.runs.folders import made_up_run


@pytest.fixture
def other(tmp_path):
    place = tmp_path / "other"
    (place / "runs").mkdir(parents=True)
    return place


@pytest.fixture
def packed(home, tmp_path):
    """Two runs of a group, one of which never ended, and their zip."""
    runs = [made_up_run(home, group="sweep"), made_up_run(home, group="sweep", seed=1, done=False)]
    target = tmp_path / "runs.zip"
    export_runs(runs, target)
    return runs, target


def test_what_goes_out_comes_in(home, other, packed):
    runs, target = packed
    found = import_runs(other, target)
    assert set(found.added) == {run.run_id for run, _ in runs}
    assert found.checkpoints_left_out == 2
    for run, folder in runs:
        copy = run_folder(other, run.run_id)
        assert copy.config() == run.config
        assert copy.metrics().equals(folder.metrics())
        assert copy.dynamics("eval", 3).equals(folder.dynamics("eval", 3))
        assert copy.result() == folder.result()
        assert not copy.checkpoint_path.exists()
        stored = Store(other).get(run.run_id)
        assert (stored.executor, stored.group_name, stored.state) == ("imported", "sweep", run.state)
        assert stored.created == run.created
    assert not list((other / "runs").glob(".import-*"))


def test_checkpoints_come_in_only_when_asked_for(home, other, packed, tmp_path):
    (run, _), *_ = packed[0]
    assert import_runs(other, packed[1], with_checkpoints=True).checkpoints_left_out == 0
    assert run_folder(other, run.run_id).checkpoint_path.read_bytes() == b"no real net"
    export_runs(packed[0], tmp_path / "small.zip", with_checkpoints=False)
    assert not [name for name in zipfile.ZipFile(tmp_path / "small.zip").namelist() if name.endswith(".pt")]


def test_runs_that_are_here_are_skipped_with_a_word(home, other, packed, tmp_path):
    (first, second), target = packed
    export_runs([first], tmp_path / "one.zip")
    import_runs(other, tmp_path / "one.zip")
    found = import_runs(other, target)
    assert (found.added, found.skipped) == ((second[0].run_id,), (first[0].run_id,))
    assert "Here already, and skipped" in found.remarks()[0]
    with pytest.raises(BadInputError, match="nothing is new"):
        import_runs(other, target)


def test_only_what_lasts_is_packed(home, tmp_path):
    run, folder = made_up_run(home)
    folder.write_control("secret token", stop=False)
    folder.write_heartbeat({"pid": 7})
    (folder.path / "notes.txt").write_text("mine")
    export_runs([(run, folder)], tmp_path / "run.zip")
    names = set(zipfile.ZipFile(tmp_path / "run.zip").namelist())
    assert not names & {f"{run.run_id}/{name}" for name in ("control.json", "heartbeat.json", "notes.txt")}
    assert {f"{run.run_id}/config.json", f"{run.run_id}/dynamics/seen-00003.arrow", "runs.json"} <= names


def repacked(path, change):
    """The zip with its entries, name -> bytes, changed in place by `change`."""
    with zipfile.ZipFile(path) as source:
        entries = {name: source.read(name) for name in source.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w") as target:
        for name, content in entries.items():
            target.writestr(name, content)
    return path


def arrow(**columns):
    table = pa.table(columns)
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def npy(values, **options):
    sink = io.BytesIO()
    np.save(sink, values, **options)
    return sink.getvalue()


def edited(content, **changes):
    return json.dumps(json.loads(content) | changes).encode()


BAD = {
    "an absolute path": (lambda e, r: e.update({"/etc/passwd": b"x"}), "absolute path"),
    "a way out": (lambda e, r: e.update({f"{r}/../../x.json": b"x"}), "leads out"),
    "a backslash": (lambda e, r: e.update({f"{r}\\..\\x.json": b"x"}), "leads out"),
    "a strange file": (lambda e, r: e.update({f"{r}/run.sh": b"x"}), "is no file of a run"),
    "a strange folder": (lambda e, r: e.update({f"{r}/dynamics/more/seen-00001.arrow": b"x"}), "is no file of a run"),
    "a strange epoch": (lambda e, r: e.update({f"{r}/dynamics/seen-1.arrow": b"x"}), "is no file of a run"),
    "a hidden run id": (lambda e, r: e.update({".import-x/config.json": b"{}"}), "is no file of a run"),
    "no config": (lambda e, r: e.pop(f"{r}/config.json"), "has no config.json"),
    "an unknown loss": (
        lambda e, r: e.update({f"{r}/config.json": edited(e[f"{r}/config.json"], loss={"name": "evil"})}),
        "unknown loss",
    ),
    "a config that is no object": (lambda e, r: e.update({f"{r}/config.json": b"[1]"}), "config"),
    "a deep config": (lambda e, r: e.update({f"{r}/config.json": b"[" * 100_000}), "config"),
    "a large text": (lambda e, r: e.update({f"{r}/result.json": b" " * 6_000_000}), "larger than 5 MB"),
    "a result in words": (
        lambda e, r: e.update({f"{r}/result.json": edited(e[f"{r}/result.json"], final_test_accuracy="high")}),
        "final_test_accuracy",
    ),
    "a result beyond one": (
        lambda e, r: e.update({f"{r}/result.json": edited(e[f"{r}/result.json"], final_test_accuracy=91.0)}),
        "final_test_accuracy",
    ),
    "another run's result": (
        lambda e, r: e.update({f"{r}/result.json": edited(e[f"{r}/result.json"], run_id="other")}),
        "another run",
    ),
    "an environment without a host": (lambda e, r: e.update({f"{r}/environment.json": b'{"threads": 1}'}), "hostname"),
    "a damaged table": (lambda e, r: e.update({f"{r}/metrics.arrow": b"ARROW1"}), "metrics"),
    "metrics in words": (
        lambda e, r: e.update({f"{r}/metrics.arrow": arrow(epoch=[1], test_accuracy=["a"])}),
        "metrics",
    ),
    "too few rows": (
        lambda e, r: e.update({f"{r}/trajectory.arrow": arrow(**{name: [1.0] for name in TRAJECTORY})}),
        "1 rows for 60 examples",
    ),
    "dynamics of other types": (
        lambda e, r: e.update({f"{r}/dynamics/eval-00001.arrow": arrow(p_label=[0.5])}),
        "other columns or types",
    ),
    "dynamics of another length": (
        lambda e, r: e.update({f"{r}/dynamics/eval-00001.arrow": dynamics(3)}),
        "3 rows for 60 examples",
    ),
    "a class that is not predicted": (
        lambda e, r: e.update({f"{r}/dynamics/eval-00001.arrow": dynamics(60, predicted=10)}),
        "predicts a class that cannot be",
    ),
    "a row beyond the data": (
        lambda e, r: e.update({f"{r}/examples.arrow": examples(given=0, first=1290)}),
        "index 1349",
    ),
    "a class beyond all": (lambda e, r: e.update({f"{r}/examples.arrow": examples(given=70_000)}), "label 70000"),
    "a pickled array": (
        lambda e, r: e.update({f"{r}/pred_probs.npy": npy(np.array([print], dtype=object), allow_pickle=True)}),
        "array",
    ),
    "a manifest that is none": (lambda e, r: e.update({"runs.json": b"{"}), "runs.json is no JSON"),
    "a manifest of strange states": (
        lambda e, r: e.update({"runs.json": json.dumps({"runs": [{"run_id": r, "state": "evil"}]}).encode()}),
        "runs.json: runs.0.state",
    ),
}
TRAJECTORY = ("mean_p_label", "variance_p_label", "aum", "num_correct", "forgetting", "num_epochs")


def dynamics(rows, predicted=0):
    columns = {name: np.zeros(rows, dtype=kind) for name, kind in DYNAMICS_TYPES.items()}
    return arrow(**columns | {"predicted": np.full(rows, predicted, dtype=np.uint16)})


def examples(given, first=0):
    rows = 60
    return arrow(
        index=np.arange(first, first + rows), given_label=np.full(rows, given), true_label=np.zeros(rows, dtype=int),
        is_corrupted=np.zeros(rows, dtype=bool), split=["train"] * rows,
    )  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_zip_is_refused_whole(home, other, packed, what):
    change, message = BAD[what]
    runs, target = packed
    run_id = runs[1 if "result" not in what else 0][0].run_id
    repacked(target, lambda entries: change(entries, run_id))
    with pytest.raises(ImaeError, match=message) as error:
        import_runs(other, target)
    assert isinstance(error.value, BadInputError)
    assert "\n" not in str(error.value)
    assert not list((other / "runs").iterdir())
    assert not Store(other).runs()


def test_newer_formats_are_refused(home, other, packed):
    _, target = packed
    repacked(target, lambda entries: entries.update({"runs.json": b'{"format_version": 99}'}))
    with pytest.raises(FormatVersionError, match="format version 99"):
        import_runs(other, target)


def test_links_and_bombs_are_refused(home, other, packed, monkeypatch):
    runs, target = packed
    with zipfile.ZipFile(target, "a") as entries:
        link = zipfile.ZipInfo(f"{runs[0][0].run_id}/embeddings.npy")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        entries.writestr(link, "/etc/passwd")
    with pytest.raises(BadInputError, match="is a link"):
        import_runs(other, target)
    repacked(target, lambda entries: entries.pop(f"{runs[0][0].run_id}/embeddings.npy"))
    monkeypatch.setenv("IMAE_LIMIT_ARCHIVE_GIGABYTES", "0.00001")
    with pytest.raises(BadInputError, match="unpacks to more than"):
        import_runs(other, target)


def test_a_disk_that_is_too_small_is_said_before(home, other, packed, monkeypatch):
    monkeypatch.setattr(archive, "free_disk_bytes", lambda folder: 501_000)
    with pytest.raises(BadInputError, match="free some space"):
        import_runs(other, packed[1])


def test_a_queue_that_fails_leaves_no_folder(home, other, packed, monkeypatch):
    def fail(*_):
        raise OSError("no database")

    monkeypatch.setattr(Store, "add_imported", fail)
    with pytest.raises(OSError, match="no database"):
        import_runs(other, packed[1])
    assert not list((other / "runs").iterdir())


def test_a_table_holds_one_run_and_names_are_checked(home, packed, tmp_path):
    with pytest.raises(BadInputError, match="one run, got 2"):
        export_runs(packed[0], tmp_path / "table.csv")
    with pytest.raises(BadInputError, match="must end in one of"):
        export_runs(packed[0], tmp_path / "table.xls")
    with pytest.raises(BadInputError, match="is there already"):
        export_runs(packed[0], packed[1])
    with pytest.raises(BadInputError, match="there is no file"):
        import_runs(home, tmp_path / "nothing.zip")
