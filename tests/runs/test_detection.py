"""Rankings measured epoch by epoch: each epoch as if it were the last, in one pass; and runs that can stand beside each other."""

import numpy as np
import pytest

from imae_core.analysis.detectors import mean_rank, score
from imae_core.analysis.scorecard import scorecard
from imae_core.errors import BadInputError, RunError
from imae_core.runs.comparison import on_same_labels
from imae_core.runs.detection import detection_course, evenly_spread
from imae_core.runs.folder import RunFolder
from imae_core.runs.suspects import detector_inputs, inputs_by_epoch, noise_estimate
from tests.runs.folders import made_up_run


def test_epochs_are_spread_evenly_with_the_last():
    assert evenly_spread([3, 5, 9], 3) == [3, 5, 9]
    assert evenly_spread(range(1, 201), 5) == [1, 51, 101, 150, 200]
    assert evenly_spread([10, 20, 30], 1) == [30]
    for count in (41, 79, 1000):
        found = evenly_spread(range(count), 40)
        assert (len(set(found)), found[0], found[-1]) == (40, 0, count - 1)


def test_every_epoch_is_measured_as_if_it_were_the_last(home):
    _, folder = made_up_run(home, epochs=5)
    names = ["confidence", "loss", "aum"]
    truth = folder.examples()["is_corrupted"]
    course = detection_course(folder, names).set_index(["ranking", "epoch"])
    assert len(course) == 4 * 5
    for epoch in range(1, 6):
        inputs = detector_inputs(folder, epoch)
        scores = {name: score(name, inputs) for name in names} | {"suspicion": mean_rank(names, inputs)}
        for name, values in scores.items():
            card, found = scorecard(values, truth), course.loc[name, epoch]
            expected = [card.auc, card.average_precision, card.precision_at_corrupted]
            np.testing.assert_allclose(found.to_numpy(), expected, err_msg=f"{name} {epoch}")
    assert course.loc["loss", "auc"].nunique() > 1, "epochs differ"


def test_what_needs_the_final_net_is_measured_at_the_last_epoch_alone(home):
    _, folder = made_up_run(home, epochs=4)
    course = detection_course(folder, ["confidence", "cores"])
    assert course.groupby("ranking")["epoch"].apply(list).to_dict() == {
        "confidence": [1, 2, 3, 4], "cores": [4], "suspicion": [4],
    }  # fmt: skip
    assert detection_course(folder, ["knn"]).empty, "this run has no embeddings"
    assert detection_course(folder, ["confidence"], most=2)["epoch"].tolist() == [1, 4]


def test_each_epoch_is_read_once(home, monkeypatch):
    _, folder = made_up_run(home, epochs=6)
    read, plain = [], RunFolder.dynamics_columns
    monkeypatch.setattr(RunFolder, "dynamics_columns", lambda *a: read.append(a[2]) or plain(*a))
    assert [epoch for epoch, _ in inputs_by_epoch(folder, [2, 4, 6])] == [2, 4, 6]
    assert read == [1, 2, 3, 4, 6], "the fifth is not needed: the last epoch's statistics are stored"
    read.clear()
    assert detector_inputs(folder).trajectory["num_epochs"].max() == 6
    assert read == [6]


def test_without_truth_or_evaluation_nothing_is_measured(home):
    with pytest.raises(BadInputError, match="not known which labels"):
        detection_course(made_up_run(home, known=False)[1], ["confidence"])
    _, folder = made_up_run(home, epochs=1)
    next((folder.path / "dynamics").glob("eval-*")).unlink()
    with pytest.raises(RunError, match="wait for its first evaluation"):
        detection_course(folder, ["confidence"])


def test_runs_on_the_same_labels(home):
    own = made_up_run(home, loss="cce")
    same = made_up_run(home, loss="imae", epochs=5)
    started = made_up_run(home, loss="gce")
    for file in (started[1].path / "dynamics").glob("eval-*"):
        file.unlink()
    relabelled = made_up_run(home, loss="mae")
    examples = relabelled[1].examples()
    given = examples["given_label"].to_numpy().copy()
    given[7] = (given[7] + 1) % 10
    relabelled[1].write_examples({name: examples[name].to_numpy() for name in examples} | {"given_label": given})
    replaced = made_up_run(home, loss="mae")
    replaced[1].write_environment(replaced[1].environment() | {"data_fingerprint": "another"})
    others = [made_up_run(home, seed=1), made_up_run(home, rows=50), made_up_run(home, dataset="mnist")]
    assert on_same_labels(*own, [own, same, started, relabelled, replaced, *others]) == [same]


def test_an_estimate_comes_with_what_speaks_against_it(home):
    _, folder = made_up_run(home, epochs=10)
    given = folder.examples()["given_label"].to_numpy()
    folder.write_array("pred_probs", (0.01 + 0.9 * np.eye(10)[given]).astype(np.float32))
    estimate, doubt = noise_estimate(folder)
    assert estimate.noise_rate == 0
    late = (folder.trajectory()["mean_p_label"] < 0.5).mean()
    assert late > 0.1
    assert f"now predicts {100 * late:.1f} % of all given labels" in doubt
    (folder.path / "pred_probs.npy").unlink()
    assert noise_estimate(folder) is None
