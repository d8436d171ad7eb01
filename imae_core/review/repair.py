"""The data set without the errors that a review found, and the run's own training on it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imae_core.analysis.truth import truth_is_known
from imae_core.catalog import NOISES
from imae_core.config import NoiseConfig, RunConfig
from imae_core.data.dataset import Dataset
from imae_core.data.imports.hashes import fingerprint
from imae_core.data.imports.writer import DatasetWriter
from imae_core.data.inputs import RowInputs
from imae_core.data.store import dataset_facts_of, dataset_path, row_names
from imae_core.errors import BadInputError
from imae_core.limits import current_limits
from imae_core.runs.data import run_dataset, run_inputs
from imae_core.runs.folder import RunFolder

BLOCK_BYTES = 64_000_000
Progress = Callable[[int, int, str, str], None]


def repair_dataset(
    folder: RunFolder, outcome: pd.DataFrame, reviewer: str, name: str, progress: Progress = lambda *_: None
) -> dict[str, Any]:
    """Makes data set `name` of the run's training examples under their final labels, dropped ones left out.

    The test rows and the scaling of inputs stay as they were, so that both runs are measured alike; training inputs are
    those that the run saw, noise on them included. Known true labels come along, if every example kept has one; else
    nothing is known of the others. All or nothing.

    Args:
        outcome: (N rows) as `review_outcome` gives it.
        reviewer: who decided, for the provenance.

    Returns:
        the report that Datasets shows; `provenance` in it says what was made of what.

    Raises:
        DatasetError: the name is taken, the disk is full, or the run's data set is gone.
        BadInputError: a class would be left without an example.
    """
    base = run_dataset(folder)
    examples = folder.examples()
    outcome = outcome.set_index("index").loc[examples["index"]]
    final = outcome["final_label"].to_numpy(dtype=np.int64)
    kept = np.flatnonzero(final >= 0)
    _check_classes(final, examples["given_label"].to_numpy(), base)
    rows = examples["index"].to_numpy()[kept]
    true = examples["true_label"].to_numpy(dtype=np.int64)
    known = truth_is_known(examples) and bool((true[kept] >= 0).all())
    report = _report(folder, base, outcome, examples, reviewer, known)
    with DatasetWriter(folder.home, name, current_limits()) as writer:
        _copy_inputs(writer, base, folder, kept, rows, progress)
        writer.save("train_labels", final[kept])
        writer.save("test_labels", np.asarray(base.test_labels))
        if known:
            writer.save("train_true_labels", true[kept])
        facts = dataset_facts_of(base) | {
            "title": name,
            "num_train": len(kept),
            "labels_are_true": known,
            "fingerprint": fingerprint(
                np.frombuffer(base.fingerprint.encode() + rows.tobytes(), np.uint8), final[kept]
            ),
        }
        writer.commit({key: value for key, value in facts.items() if key not in ("name", "format_version")}, report)
    return report


def repaired_config(config: RunConfig, name: str) -> RunConfig:
    """The same training on all of a repaired data set, with no noise added."""
    return config.model_copy(update={"dataset": name, "noise": NoiseConfig(), "num_train": None})


def _check_classes(final: NDArray[np.int64], given: NDArray[Any], base: Dataset) -> None:
    before, after = np.unique(given), np.unique(final[final >= 0])
    lost = np.setdiff1d(before, after)
    if len(lost):
        raise BadInputError(
            f"no example of class {base.class_names[lost[0]]!r} would be left; keep at least one of each class"
        )


def _copy_inputs(
    writer: DatasetWriter,
    base: Dataset,
    folder: RunFolder,
    kept: NDArray[np.int64],
    rows: NDArray[np.int64],
    progress: Progress,
) -> None:
    """Training rows by blocks; whole files as hard links where the disk can, so that they take no space twice.

    `kept` are places among the run's rows, `rows` the same in the data set.
    """
    stored = dataset_path(folder.home, base.name)
    all_rows = len(rows) == base.num_train and bool((rows == np.arange(len(rows))).all())
    as_stored = all_rows and not NOISES[folder.config().noise.kind].changes_inputs
    names = row_names(folder.home, base.name)
    if names is not None and not all_rows:
        writer.save_names("train_names", (names[row] for row in rows))
    elif names is not None:
        _link(stored / "train_names.arrow", writer.folder)
    if (stored / "test_names.arrow").exists():
        _link(stored / "test_names.arrow", writer.folder)
    for split, is_whole in (("train", as_stored), ("test", True)):
        file = f"{split}_inputs.npy"
        if is_whole and (stored / file).exists():
            _link(stored / file, writer.folder)
        elif split == "test":
            _copy_rows(writer, "test_inputs", base.test_inputs, np.arange(base.num_test), progress)
        else:
            _copy_rows(writer, "train_inputs", run_inputs(folder, base), kept, progress)


def _copy_rows(
    writer: DatasetWriter, name: str, inputs: NDArray[Any] | RowInputs, wanted: NDArray[np.int64], progress: Progress
) -> None:
    writer.new_array(name, inputs.shape[1:], inputs.dtype.str, len(wanted))
    step = max(1, BLOCK_BYTES // max(1, inputs[:1].nbytes))
    for start in range(0, len(wanted), step):
        writer.append(name, inputs[wanted[start : start + step]])
        progress(min(start + step, len(wanted)), len(wanted), "copying examples", "examples")


def _link(stored: Path, folder: Path) -> None:
    try:
        os.link(stored, folder / stored.name)
    except OSError:
        shutil.copyfile(stored, folder / stored.name)


def _report(
    folder: RunFolder, base: Dataset, outcome: pd.DataFrame, examples: pd.DataFrame, reviewer: str, known: bool
) -> dict[str, Any]:
    given, final = examples["given_label"].to_numpy(), outcome["final_label"].to_numpy()
    kept = final >= 0
    by_reviewer = outcome["decided_by"] == "reviewer"
    relabelled = kept & (final != given)
    counts = {
        "reviewed": int(by_reviewer.sum()),
        "relabelled": int(relabelled.sum()),
        "relabelled_by_rule": int((relabelled & ~by_reviewer).sum()),
        "dropped": int((~kept).sum()),
        "dropped_by_rule": int((~kept & ~by_reviewer).sum()),
    }
    title = folder.config().title
    notes = [
        f"labels of run {folder.run_id} ({title}), repaired by {reviewer}: {counts['reviewed']:,} examples reviewed, "
        f"{counts['relabelled']:,} relabelled ({counts['relabelled_by_rule']:,} of them unreviewed, by rank), "
        f"{counts['dropped']:,} left out ({counts['dropped_by_rule']:,} of them unreviewed, by rank)",
    ]
    if len(examples) < base.num_train:
        notes.append(
            f"the run used {len(examples):,} of the {base.num_train:,} training examples of {base.name}, and so does this"
        )
    if truth_is_known(examples) and not known:
        notes.append("some of the pictures that were kept are of no class, so that no true labels come along")
    if known:
        true = examples["true_label"].to_numpy()
        counts["noise_rate_before"] = float((given != true).mean())  # type: ignore[assignment]
        counts["noise_rate_after"] = float((final[kept] != true[kept]).mean())  # type: ignore[assignment]
        notes.append(
            f"{counts['noise_rate_before']:.1%} of the labels were wrong, {counts['noise_rate_after']:.1%} of those here are"
        )
        if not base.labels_are_true and not base.has_own_noise:
            notes.append("the reference labels are those that were uploaded; they may be wrong themselves")
    train = np.bincount(final[kept], minlength=base.num_classes)
    test = np.bincount(base.test_labels, minlength=base.num_classes)
    return {
        "source": f"{base.name}, run {folder.run_id}, reviewer {reviewer}",
        "kind": "repaired labels",
        "provenance": {
            "dataset": base.name, "fingerprint": base.fingerprint, "run_id": folder.run_id, "reviewer": reviewer, **counts,
        },
        "notes": notes,
        "classes": [
            {"name": label, "train": int(train[place]), "test": int(test[place])}
            for place, label in enumerate(base.class_names)
        ],
        "sizes": [], "num_sizes": 0, "skipped": [], "changed": [], "features": [],
        "duplicates": {"train": 0, "test": 0, "across": 0, "conflicting": 0, "groups": []},
    }  # fmt: skip
