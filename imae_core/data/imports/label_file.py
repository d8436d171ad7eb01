"""A file of given labels turns a data set into one with known noise: human labels, or another tool's."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imae_core.data.dataset import Dataset
from imae_core.data.imports.folders import Progress
from imae_core.data.imports.hashes import fingerprint
from imae_core.data.imports.label_arrays import ARRAY_ENDINGS, labels_of_arrays
from imae_core.data.imports.pickles import read_label_arrays
from imae_core.data.imports.tables import CsvSource, texts
from imae_core.data.imports.writer import DatasetWriter
from imae_core.data.store import dataset_facts_of, dataset_path, load_dataset, row_names
from imae_core.errors import DatasetError
from imae_core.limits import current_limits

GIVEN_NAMES = ("final_label", "given_label", "label", "noisy_label", "human_label")
TRUE_NAMES = ("true_label", "clean_label")
ROW_NAMES = ("index", "file", "name", "file_name", "filename")


def import_labels(
    home: Path, base_name: str, path: Path, name: str, progress: Progress, column: str = ""
) -> dict[str, Any]:
    """Makes data set `name`: the inputs of `base_name`, its labels as the true ones, the file's as the given ones.

    A CSV has a column `index` (row of the training set) or `file` (as it was imported), and `given_label`: class names,
    or class numbers from 0. A column `true_label` is checked to be the data set's own. Every row must be named once.
    A .pt or .npy file, such as CIFAR-10N's, has arrays by name in the order of the training set, `clean_label` among them.

    Args:
        column: the labels to take, where the file has several.
    """
    base = load_dataset(home, base_name)
    if not path.exists():
        raise DatasetError(f"there is no file {path}")
    if not path.stat().st_size:
        raise DatasetError(f"{path.name} is empty")
    progress(0, base.num_train, "reading the labels", "examples")
    given, checked = _read(home, base, base_name, path, column, progress)
    with DatasetWriter(home, name, current_limits()) as writer:
        _link_inputs(home, base, base_name, writer.folder)
        true = np.asarray(base.reference_labels)
        writer.save("train_labels", given)
        writer.save("train_true_labels", true)
        writer.save("test_labels", np.asarray(base.test_labels))
        rate = float((given != true).mean())
        facts = dataset_facts_of(base) | {
            "title": name,
            "labels_are_true": True,
            "fingerprint": fingerprint(np.frombuffer(base.fingerprint.encode(), np.uint8), given),
        }
        report = _report(path, base, base_name, given, rate, checked)
        writer.commit({key: value for key, value in facts.items() if key not in ("name", "format_version")}, report)
    return report


def _read(
    home: Path, base: Dataset, base_name: str, path: Path, column: str, progress: Progress
) -> tuple[NDArray[np.int64], int]:
    """Given labels (N,) in row order, and how many true labels of the file were compared."""
    if path.suffix.lower() in ARRAY_ENDINGS:
        arrays = read_label_arrays(path.read_bytes(), path.name, current_limits())
        return labels_of_arrays(arrays, base, column, path.name), base.num_train
    columns = _Columns(CsvSource(path, current_limits()), base, row_names(home, base_name), column)
    return columns.read(progress), columns.checked


class _Columns:
    def __init__(self, source: CsvSource, base: Dataset, names: list[str] | None, column: str) -> None:
        self.source = source
        self.base = base
        self.row_column = self._find(ROW_NAMES, "the rows, `index` or `file`")
        self.given_column = self._find((column,) if column else GIVEN_NAMES, f"the labels, `{column or 'given_label'}`")
        self.true_column = next((name for name in TRUE_NAMES if name in source.columns), None)
        self.checked = 0
        self.by_name = None
        if self.row_column != "index":
            if names is None:
                raise DatasetError(
                    f"{base.name} did not come as files; name its rows by a column `index`, 0 to {base.num_train - 1}"
                )
            self.by_name = {file: row for row, file in enumerate(names)}
        self.codes = {label: code for code, label in enumerate(base.class_names)}

    def _find(self, names: tuple[str, ...], what: str) -> str:
        found = next((name for name in names if name in self.source.columns), None)
        if found is None:
            raise DatasetError(
                f"{self.source.path.name} has no column for {what}; it has {', '.join(self.source.columns[:8])}"
            )
        return found

    def read(self, progress: Progress) -> NDArray[np.int64]:
        """Given labels (N,) in row order."""
        num_rows = self.base.num_train
        given = np.full(num_rows, -1, dtype=np.int64)
        line = 2
        for batch in self.source.batches():
            rows = self._texts(batch, self.row_column)
            labels = self._texts(batch, self.given_column)
            true = self._texts(batch, self.true_column) if self.true_column else [None] * len(rows)
            for row_text, label, clean in zip(rows, labels, true, strict=True):
                row = self._row(row_text, line)
                if given[row] >= 0:
                    raise DatasetError(f"line {line:,}: row {row_text!r} is named twice")
                given[row] = self._code(label, line)
                if clean is not None:
                    self._check_true(row, clean, line)
                line += 1
            progress(line, num_rows, "reading the labels", "examples")
        missing = np.flatnonzero(given < 0)
        if len(missing):
            raise DatasetError(
                f"{len(missing):,} of {num_rows:,} training rows have no label in the file, row {missing[0]} for one; every row "
                "needs one"
            )
        return given

    @staticmethod
    def _texts(batch: pa.RecordBatch, column: str) -> list[str]:
        return texts(batch.column(column)).to_pylist()  # type: ignore[no-any-return]

    def _row(self, text: str, line: int) -> int:
        if self.by_name is not None:
            row = self.by_name.get(text)
            if row is None:
                raise DatasetError(f"line {line:,}: no training example came from a file {text!r}")
            return row
        if not (text.isascii() and text.isdigit()) or int(text) >= self.base.num_train:
            raise DatasetError(f"line {line:,}: {text!r} is no row of {self.base.name}, 0 to {self.base.num_train - 1}")
        return int(text)

    def _code(self, label: str, line: int) -> int:
        code = self.codes.get(label)
        if code is not None:
            return code
        if label.isascii() and label.isdigit() and int(label) < self.base.num_classes:
            return int(label)
        some = ", ".join(self.base.class_names[:5])
        raise DatasetError(
            f"line {line:,}: {label!r} is no class of {self.base.name} ({some}, ...) nor a number of one"
        )

    def _check_true(self, row: int, clean: str, line: int) -> None:
        code, known = self._code(clean, line), int(self.base.reference_labels[row])
        if code != known:
            raise DatasetError(
                f"line {line:,}: the true label is said to be {self.base.class_names[code]!r}, but in {self.base.name} row {row} is "
                f"{self.base.class_names[known]!r}: the file belongs to other data, or to another order"
            )
        self.checked += 1


def _link_inputs(home: Path, base: Dataset, base_name: str, folder: Path) -> None:
    """Inputs are shared by hard links where the disk can, so that they take no space twice."""
    stored = dataset_path(home, base_name) if base_name != "digits" else None
    for name in ("train_inputs.npy", "test_inputs.npy", "train_names.arrow", "test_names.arrow"):
        if stored is None:
            if name.endswith(".npy"):
                np.save(folder / name, getattr(base, name.removesuffix(".npy")), allow_pickle=False)
        elif (stored / name).exists():
            try:
                os.link(stored / name, folder / name)
            except OSError:
                shutil.copyfile(stored / name, folder / name)


def _report(
    path: Path, base: Dataset, base_name: str, given: NDArray[np.int64], rate: float, checked: int
) -> dict[str, Any]:
    counts = np.bincount(given, minlength=base.num_classes)
    test = np.bincount(base.test_labels, minlength=base.num_classes)
    notes = [
        f"inputs and true labels of {base_name}, given labels of {path.name}: {rate:.1%} differ",
        f"{checked:,} true labels in the file were compared and are the same"
        if checked
        else "the file has no column true_label, so that nothing shows whether its rows are in the data set's order",
    ]
    if not base.labels_are_true and not base.has_own_noise:
        notes.append("the reference labels are those that were uploaded; they may be wrong themselves")
    return {
        "source": path.name,
        "kind": "given labels",
        "notes": notes,
        "classes": [
            {"name": name, "train": int(counts[place]), "test": int(test[place])}
            for place, name in enumerate(base.class_names)
        ],
        "sizes": [], "num_sizes": 0, "skipped": [], "changed": [], "features": [],
        "duplicates": {"train": 0, "test": 0, "across": 0, "conflicting": 0, "groups": []},
    }  # fmt: skip
