"""Event files, read back record by record."""

import struct
import sys

import pytest

from imae_core.errors import BadInputError
from imae_core.runs.tensorboard import export_tensorboard
from tests.runs.folders import made_up_run

event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")


def events(folder):
    """The events of a folder's one file: length (8 bytes), its checksum (4), the event, its checksum (4)."""
    (file,) = folder.glob("events.out.tfevents.*")
    content = file.read_bytes()
    place, found = 0, []
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        found.append(event_pb2.Event.FromString(content[place + 12 : place + 12 + length]))
        place += length + 16
    return found


def test_scalars_and_histograms_of_every_epoch(home, tmp_path):
    run, folder = made_up_run(home)
    export_tensorboard([(run, folder)], tmp_path / "board")
    (place,) = (tmp_path / "board").iterdir()
    assert place.name == f"IMAE_digits_symmetric_40_seed_0-{run.run_id[-6:]}"
    values = {(v.tag, e.step): v for e in events(place) for v in e.summary.value}
    metrics = folder.metrics().set_index("epoch")
    for epoch in (1, 2, 3):
        assert values["metrics/test_accuracy", epoch].simple_value == pytest.approx(metrics["test_accuracy"][epoch])
        weight = folder.dynamics("seen", epoch)["weight"].astype(float)
        corrupted = values["seen/weight/corrupted", epoch].histo
        chosen = weight[folder.examples()["is_corrupted"]]
        assert (corrupted.num, corrupted.sum) == (20, pytest.approx(chosen.sum()))
        assert sum(corrupted.bucket) == 20
        assert corrupted.min <= chosen.min() <= chosen.max() <= corrupted.max
        assert sum_up_to(corrupted, 4.0) == pytest.approx((chosen <= 4.0).sum(), abs=3)
    assert ("eval/p_label/clean", 3) in values
    assert ("config/text_summary", 0) in values


def sum_up_to(histogram, limit):
    return sum(
        count for edge, count in zip(histogram.bucket_limit, histogram.bucket, strict=True) if edge <= limit + 0.15
    )


def test_unknown_truth_is_one_population_and_nan_is_left_out(home, tmp_path):
    export_tensorboard([made_up_run(home, known=False)], tmp_path)
    (place,) = (path for path in tmp_path.iterdir() if path.name.startswith("IMAE"))
    tags = {value.tag for event in events(place) for value in event.summary.value}
    assert "seen/weight/all" in tags
    assert "metrics/noisy_subset_accuracy" not in tags


def test_what_is_there_is_not_written_over(home, tmp_path):
    runs = [made_up_run(home)]
    export_tensorboard(runs, tmp_path / "board")
    with pytest.raises(BadInputError, match="is there already"):
        export_tensorboard(runs, tmp_path / "board")


def test_a_missing_package_is_said(home, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(BadInputError, match="pip install tensorboardX"):
        export_tensorboard([made_up_run(home)], tmp_path / "board")
