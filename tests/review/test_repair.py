"""Repaired data sets: their rows, labels and truth, where they come from, and that they can be trained on."""

import numpy as np
import pytest

from imae_core.config import RunConfig
from imae_core.data.imports import ImportOptions, import_dataset
from imae_core.data.store import import_report, is_ready, load_dataset, remove_dataset, row_names
from imae_core.errors import BadInputError, DatasetError
from imae_core.review import Entry, Review, UnreviewedRule, review_outcome
from imae_core.review.repair import repair_dataset, repaired_config
from imae_core.training.labels import training_labels
from tests.data.imports.files import pictures, zip_of
from tests.review.conftest import ranked
from tests.runs.folders import made_up_run


def test_a_run_with_injected_noise_on_a_subset(home, folder):
    examples, suspects, digits = folder.examples(), ranked(folder), load_dataset(home, "digits")
    wrong = np.flatnonzero(examples["is_corrupted"])
    index, true = examples["index"].to_numpy(), examples["true_label"].to_numpy()
    review = Review(
        (
            *(
                Entry("a", place + 1, "relabel", int(index[row]), label=int(true[row]))
                for place, row in enumerate(wrong[:8])
            ),
            Entry("a", 9, "drop", int(index[wrong[8]])),
        )
    )
    report = repair_dataset(folder, review_outcome(suspects.sort_values("rank"), review), "Ada", "fixed")
    data = load_dataset(home, "fixed")
    kept = np.delete(np.arange(60), wrong[8])
    assert data.num_train == 59
    np.testing.assert_array_equal(data.train_inputs, digits.train_inputs[index[kept]])
    np.testing.assert_array_equal(data.train_true_labels, true[kept])
    expected = np.where(np.isin(kept, wrong[:8]), true[kept], examples["given_label"].to_numpy()[kept])
    np.testing.assert_array_equal(data.train_labels, expected)
    np.testing.assert_array_equal(data.test_inputs, digits.test_inputs)
    np.testing.assert_array_equal(data.test_labels, digits.test_labels)
    assert data.scale == digits.scale
    provenance = report["provenance"]
    assert provenance == import_report(home, "fixed")["provenance"]
    assert {name: provenance[name] for name in ("dataset", "run_id", "reviewer", "reviewed", "relabelled", "dropped")} == {
        "dataset": "digits", "run_id": folder.run_id, "reviewer": "Ada", "reviewed": 9, "relabelled": 8, "dropped": 1,
    }  # fmt: skip
    assert provenance["noise_rate_before"] == pytest.approx(20 / 60)
    assert provenance["noise_rate_after"] == pytest.approx(11 / 59)
    assert any("the run used 60 of the 1,297" in note for note in report["notes"])


def test_the_runs_own_training_goes_on_it_without_noise(home, folder):
    repair_dataset(folder, review_outcome(ranked(folder), Review()), "Ada", "fixed")
    config = repaired_config(folder.config(), "fixed")
    assert config == RunConfig.model_validate(config.model_dump())
    assert (config.dataset, config.num_train, config.noise.is_none) == ("fixed", None, True)
    assert config.loss == folder.config().loss
    labels = training_labels(config, load_dataset(home, "fixed"))
    np.testing.assert_array_equal(labels.given, folder.examples()["given_label"])
    assert labels.realized_noise_rate == pytest.approx(1 / 3), "what is still wrong is known"


def test_a_rule_is_counted_apart_from_the_reviewer(folder):
    review = Review((Entry("a", 1, "keep", 5),))
    outcome = review_outcome(ranked(folder), review, UnreviewedRule("drop", 10))
    provenance = repair_dataset(folder, outcome, "Ada", "fixed")["provenance"]
    assert provenance["reviewed"] == 1
    assert provenance["dropped"] == provenance["dropped_by_rule"]
    assert 9 <= provenance["dropped"] <= 10


def test_truth_that_is_not_known_stays_unknown(home):
    folder = made_up_run(home, known=False)[1]
    report = repair_dataset(folder, review_outcome(ranked(folder), Review()), "Ada", "fixed")
    data = load_dataset(home, "fixed")
    assert data.train_true_labels is None
    assert not data.labels_are_true
    assert "noise_rate_after" not in report["provenance"]


def test_own_pictures_keep_their_file_names(home, tmp_path):
    path = zip_of(tmp_path / "pets.zip", pictures(40))
    import_dataset(home, path, ImportOptions(name="pets"), lambda *_: None)
    data = load_dataset(home, "pets")
    folder = made_up_run(home, dataset="pets", rows=data.num_train, known=False)[1]
    folder.write_environment({"data_fingerprint": data.fingerprint})
    labels = np.asarray(data.train_labels)
    folder.write_examples(
        {"index": np.arange(len(labels)), "given_label": labels.astype(np.int32), "true_label": None,
         "is_corrupted": None, "split": np.full(len(labels), "train")}
    )  # fmt: skip
    review = Review((Entry("a", 1, "drop", 3), Entry("a", 2, "relabel", 4, label=1 - int(labels[4]))))
    repair_dataset(folder, review_outcome(ranked(folder), review), "Ada", "pets-2")
    repaired = load_dataset(home, "pets-2")
    names = row_names(home, "pets")
    assert row_names(home, "pets-2") == [name for row, name in enumerate(names) if row != 3]
    assert repaired.train_labels[3] == 1 - labels[4]
    assert row_names(home, "pets-2", "test") == row_names(home, "pets", "test")
    repair_dataset(folder, review_outcome(ranked(folder), Review()), "Ada", "pets-3")
    whole = home / "datasets" / "pets-3" / "train_inputs.npy"
    assert whole.samefile(home / "datasets" / "pets" / "train_inputs.npy"), "unchanged inputs take no space twice"
    assert load_dataset(home, "pets-3").fingerprint != repaired.fingerprint
    remove_dataset(home, "pets")
    with pytest.raises(DatasetError, match="no data set 'pets'"):
        repair_dataset(folder, review_outcome(ranked(folder), review), "Ada", "pets-4")
    assert not is_ready(home, "pets-4")


def test_what_cannot_be_repaired(home, folder):
    suspects = ranked(folder)
    outcome = review_outcome(suspects, Review())
    with pytest.raises(DatasetError, match="built-in"):
        repair_dataset(folder, outcome, "Ada", "digits")
    lost = outcome.assign(final_label=outcome["final_label"].where(suspects["given_label"] != 4, -1))
    with pytest.raises(BadInputError, match="no example of class '4'"):
        repair_dataset(folder, lost, "Ada", "fixed")
    folder.write_environment({"data_fingerprint": "another"})
    with pytest.raises(DatasetError, match="is not the data set"):
        repair_dataset(folder, outcome, "Ada", "fixed")
    assert not is_ready(home, "fixed")
