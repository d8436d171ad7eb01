"""Exports hold every example, and can be brought back in."""

import numpy as np
import pandas as pd
import pytest

from imae_core.data.export import export_dataset
from imae_core.data.imports import ImportOptions, import_dataset, import_labels
from imae_core.data.store import load_dataset
from imae_core.errors import BadInputError
from imae_core.review import Entry, Review, review_outcome
from imae_core.review.export import in_words, issues_table, labels_table, original_format, write_table
from imae_core.review.repair import repair_dataset
from tests.data.imports.files import table as people
from tests.review.conftest import ranked
from tests.runs.folders import made_up_run

REVIEW = Review((Entry("a", 1, "relabel", 7, label=4), Entry("a", 2, "drop", 8), Entry("a", 3, "keep", 9)))


def test_corrected_labels(folder):
    suspects = ranked(folder).sort_values("rank")
    table = labels_table(folder, suspects, review_outcome(suspects, REVIEW), "Ada")
    assert table["index"].tolist() == list(range(5, 65)), "every example, in the order of the data"
    row = table.set_index("index").loc[7]
    assert (row["decision"], row["final_label"], row["reviewer"]) == ("relabel", "4", "Ada")
    assert row["given_label"] == str(folder.examples()["given_label"][2])
    assert table.set_index("index").loc[8, "final_label"] is pd.NA
    assert table["reviewer"].eq("Ada").sum() == 3
    assert {"suggested_label", "confidence", "suspicion", "rank", "true_label"} <= set(table)


def test_corrected_labels_can_be_brought_back_in(home, tmp_path):
    folder = made_up_run(home, rows=1297)[1]
    digits = load_dataset(home, "digits")
    true = np.asarray(digits.train_labels, dtype=np.int32)
    given = np.where(np.arange(1297) % 3 == 0, (true + 1) % 10, true).astype(np.int32)
    folder.write_examples({"index": np.arange(1297), "given_label": given, "true_label": true,
                           "is_corrupted": given != true, "split": np.full(1297, "train")})  # fmt: skip
    suspects = ranked(folder)
    outcome = review_outcome(suspects, Review((Entry("a", 1, "relabel", 0, label=int(true[0])),)))
    write_table(labels_table(folder, suspects, outcome, "Ada"), tmp_path / "labels.csv")
    import_labels(home, "digits", tmp_path / "labels.csv", "back", lambda *_: None)
    back = load_dataset(home, "back")
    np.testing.assert_array_equal(back.train_labels, outcome["final_label"])
    assert back.train_labels[0] == true[0] != given[0]
    np.testing.assert_array_equal(back.train_true_labels, true)


def test_cleanlabs_columns(folder):
    probs = np.full((60, 10), 0.05, dtype=np.float32)
    probs[np.arange(60), folder.examples()["given_label"]] = np.linspace(0, 1, 60)
    folder.write_array("pred_probs", probs)
    suspects = ranked(folder)
    top = int(suspects.loc[suspects["rank"] == 1, "index"].item())
    review = Review((*REVIEW.entries, Entry("a", 4, "keep", top)))
    table = issues_table(folder, suspects, review_outcome(suspects, review), 5).set_index("index")
    assert list(table) == ["is_label_issue", "label_score", "given_label", "predicted_label"]
    assert len(table) == 60
    np.testing.assert_allclose(table["label_score"], np.linspace(0, 1, 60), atol=1e-6)
    assert table.loc[[7, 8, 9, top], "is_label_issue"].tolist() == [True, True, False, False], (
        "the reviewer's word counts"
    )
    unreviewed = suspects[~suspects["index"].isin([7, 8, 9, top])].set_index("index")
    expected = unreviewed["rank"] <= 5
    assert table["is_label_issue"].drop([7, 8, 9, top]).tolist() == expected.tolist()


def test_the_whole_data_set_in_the_format_it_came_in(home, tmp_path):
    path = tmp_path / "people.csv"
    people(60).to_csv(path, index=False)
    import_dataset(home, path, ImportOptions(name="people"), lambda *_: None)
    data = load_dataset(home, "people")
    folder = made_up_run(home, dataset="people", rows=data.num_train, known=False)[1]
    folder.write_environment({"data_fingerprint": data.fingerprint})
    labels = np.asarray(data.train_labels)
    folder.write_examples({"index": np.arange(len(labels)), "given_label": labels.astype(np.int32), "true_label": None,
                           "is_corrupted": None, "split": np.full(len(labels), "train")})  # fmt: skip
    review = Review((Entry("a", 1, "drop", 0), Entry("a", 2, "relabel", 1, label=1 - int(labels[1]))))
    repair_dataset(folder, review_outcome(ranked(folder), review), "Ada", "repaired")
    repaired = load_dataset(home, "repaired")
    assert original_format(home, repaired) == ".csv"
    export_dataset(repaired, tmp_path / "repaired.csv", lambda *_: None)
    import_dataset(home, tmp_path / "repaired.csv", ImportOptions(name="again"), lambda *_: None)
    again = load_dataset(home, "again")
    names = [np.array(data.class_names)[data.train_labels] for data in (repaired, again)]
    np.testing.assert_array_equal(*names)
    np.testing.assert_allclose(again.train_inputs, repaired.train_inputs, rtol=1e-6)
    assert original_format(home, load_dataset(home, "digits")) == ".zip"


def test_labels_in_words():
    words = in_words(pd.Series([1, -1, 0], index=[5, 6, 7]), ("cat", "dog"))
    assert words.tolist()[::2] == ["dog", "cat"]
    assert words.isna().tolist() == [False, True, False]
    assert in_words(pd.Series([pd.NA, 3], dtype="Int32"), None).tolist()[1] == "3"
    assert in_words(pd.Series([pd.NA], dtype="Int32"), ("a",)).isna().all()


def test_tables_are_written_whole_or_not_at_all(tmp_path):
    table = pd.DataFrame({"a": [1]})
    write_table(table, tmp_path / "a.parquet")
    assert pd.read_parquet(tmp_path / "a.parquet").equals(table)
    for target, problem in (("a.parquet", "there already"), ("a.txt", "must end in"), ("no/a.csv", "does not exist")):
        with pytest.raises(BadInputError, match=problem):
            write_table(table, tmp_path / target)
