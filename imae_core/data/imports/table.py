"""A table into a data set, streamed: one pass to learn what the columns are, one to write the features."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imae_core.data.imports.columns import Column
from imae_core.data.imports.folders import Progress
from imae_core.data.imports.hashes import fingerprint, row_hashes
from imae_core.data.imports.labels import ClassCoder, check_classes, stratified_test_rows
from imae_core.data.imports.layout import TEST_NAMES, TRAIN_NAMES
from imae_core.data.imports.options import ImportOptions
from imae_core.data.imports.report import ImportReport, find_duplicates
from imae_core.data.imports.tables import TableSource, texts
from imae_core.data.imports.writer import DatasetWriter
from imae_core.errors import DatasetError

CELLS = 4_000_000


def import_table(
    source: TableSource, writer: DatasetWriter, options: ImportOptions, report: ImportReport, progress: Progress
) -> None:
    """Imports and commits; DatasetError says which column or row is the trouble."""
    table = _Table(source, writer, options, report, progress)
    table.scan()
    table.settle()
    table.write()
    table.commit()


class _Table:
    def __init__(
        self,
        source: TableSource,
        writer: DatasetWriter,
        options: ImportOptions,
        report: ImportReport,
        progress: Progress,
    ) -> None:
        self.source = source
        self.writer = writer
        self.options = options
        self.report = report
        self.progress = progress
        self.coder = ClassCoder(writer.limits)
        self.codes: dict[str, list[NDArray[np.int32]]] = {"given": [], "true": []}
        self.splits: list[NDArray[np.bool_]] = []
        self.has_true = options.true_label_column in source.columns
        self.has_split = options.split_column in source.columns
        if options.label_column not in source.columns:
            known = ", ".join(repr(name) for name in source.columns[:8])
            more = f" and {len(source.columns) - 8:,} more" if len(source.columns) > 8 else ""
            raise DatasetError(
                f"there is no column {options.label_column!r} for the labels; the columns are {known}{more}. Name the right one as "
                "label column (--label-column)"
            )
        special = {options.label_column, options.true_label_column, options.split_column}
        self.columns = [Column(n, writer.limits, source.decimal_comma) for n in source.columns if n not in special]
        for column in self.columns:
            if column.name.startswith("(unnamed"):
                column.unusable = "it has no name (a row index, probably)"

    def scan(self) -> None:
        """First pass."""
        rows = 0
        for batch in self.source.batches():
            done, total = self.source.progress()
            self.progress(done // 2, total, "looking at the columns", "table")
            self.codes["given"].append(
                self._labels(batch.column(self.options.label_column), rows, self.options.label_column)
            )
            if self.has_true:
                name = self.options.true_label_column
                self.codes["true"].append(self._labels(batch.column(name), rows, name))
            if self.has_split:
                self.splits.append(self._is_test(batch.column(self.options.split_column), rows))
            for column in self.columns:
                column.scan(batch.column(column.name))
            rows += len(batch)
            if rows > self.writer.limits.rows:
                raise DatasetError(f"there are more than {self.writer.limits.rows:,} rows (IMAE_LIMIT_ROWS)")
        if not rows:
            raise DatasetError("the table has no rows")

    def _labels(self, values: pa.Array, start: int, column: str) -> NDArray[np.int32]:
        """Preliminary class numbers of a batch (n,)."""
        kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            raise DatasetError(_float_labels(column, next((v for v in values.to_pylist() if v is not None), None)))
        encoded = texts(values).dictionary_encode()
        names = encoded.dictionary.to_pylist()
        empty = pa.array([place for place, name in enumerate(names) if not name], pa.int32())
        missing = pc.or_(pc.is_null(encoded.indices), pc.is_in(encoded.indices, empty))
        if pc.any(missing).as_py():
            row = start + pc.index(missing, True).as_py() + 1
            raise DatasetError(f"row {row:,} has no label in column {column!r}; every example needs one")
        for name in names:
            if _is_float_text(name):
                raise DatasetError(_float_labels(column, name))
        codes = np.array([self.coder.code(name) for name in names], dtype=np.int32)
        return codes[encoded.indices.to_numpy(zero_copy_only=False)]  # type: ignore[no-any-return]

    def _is_test(self, values: pa.Array, start: int) -> NDArray[np.bool_]:
        lower = pc.utf8_lower(texts(values))
        test = pc.fill_null(pc.is_in(lower, pa.array(TEST_NAMES, lower.type)), False)
        train = pc.fill_null(pc.is_in(lower, pa.array(TRAIN_NAMES, lower.type)), False)
        unknown = pc.invert(pc.or_(test, train))
        if pc.any(unknown).as_py():
            place = pc.index(unknown, True).as_py()
            raise DatasetError(
                f"column {self.options.split_column!r} has {values[place].as_py()!r} in row {start + place + 1:,}; it must say train or "
                "test (or name another column with --split-column)"
            )
        return test.to_numpy(zero_copy_only=False).astype(bool)  # type: ignore[no-any-return]

    def settle(self) -> None:
        """Which columns become features, and which rows are held out."""
        self.used: list[Column] = []
        for column in self.columns:
            reason = column.settle()
            if reason:
                self.report.skipped.append((f"column {column.name}", reason))
            else:
                self.used.append(column)
                self.report.features.append(column.facts())
        self.feature_names = [name for column in self.used for name in column.feature_names()]
        if not self.feature_names:
            raise DatasetError("no column is left to learn from: " + "; ".join(map(": ".join, self.report.skipped[:3])))
        if len(self.feature_names) > self.writer.limits.columns:
            raise DatasetError(
                f"the table becomes {len(self.feature_names):,} features; at most {self.writer.limits.columns:,} are taken"
            )
        self._note_columns()
        self.class_names, final = self.coder.ordered()
        self.labels = final[np.concatenate(self.codes["given"])]
        self.true = final[np.concatenate(self.codes["true"])] if self.has_true else None
        reference = self.labels if self.true is None else self.true
        if self.has_split:
            self.test = np.concatenate(self.splits)
            self.report.notes.append(f"train and test split as in column {self.options.split_column!r}")
            check_classes(self.class_names, self.labels[~self.test], reference[self.test])
        else:
            check_classes(self.class_names, self.labels, None)
            self.test = stratified_test_rows(reference, len(self.class_names))
            self.report.notes.append("no test split in it: 20 % of each class are held out (stratified, seed 0)")

    def _note_columns(self) -> None:
        filled = [column for column in self.used if column.is_numeric and column.num_missing]
        for column in filled:
            what = f"missing values of column {column.name!r} set to its mean"
            self.report.changed[what] = [f"{column.total / column.num_numbers:.4g}"]
            self.report.changed_counts[what] = column.num_missing
        constant = [entry["name"] for entry in self.report.features if entry["constant"]]
        if constant:
            self.report.notes.append(f"constant columns, which cannot help: {', '.join(constant[:10])}")
        encoded = [column.name for column in self.used if not column.is_numeric]
        if encoded:
            self.report.notes.append(f"categories as 0/1 features, one each: {', '.join(encoded[:10])}")
        if self.source.decimal_comma:
            self.report.notes.append("numbers with a decimal comma, as in 1,5, were read as such")

    def write(self) -> None:
        """Second pass."""
        num_features = len(self.feature_names)
        for split, count in (("train", int((~self.test).sum())), ("test", int(self.test.sum()))):
            self.writer.new_array(f"{split}_inputs", (num_features,), "float32", count)
        self.low = np.full(num_features, np.inf)
        self.high = np.full(num_features, -np.inf)
        self.hashes: dict[str, list[NDArray[np.uint64]]] = {"train": [], "test": []}
        size = max(1, CELLS // num_features)
        start = 0
        for batch in self.source.batches():
            done, total = self.source.progress()
            self.progress((total + done) // 2, total, "writing the features", "table")
            for place in range(0, len(batch), size):
                part = batch.slice(place, size)
                self._write_rows(part, self.test[start : start + len(part)])
                start += len(part)

    def _write_rows(self, batch: pa.RecordBatch, test: NDArray[np.bool_]) -> None:
        features = np.concatenate([column.features(batch.column(column.name)) for column in self.used], axis=1)
        for split, rows in (("train", features[~test]), ("test", features[test])):
            self.writer.append(f"{split}_inputs", rows)
            self.hashes[split].append(row_hashes(rows))
            if split == "train" and len(rows):
                self.low = np.minimum(self.low, rows.min(axis=0))
                self.high = np.maximum(self.high, rows.max(axis=0))

    def commit(self) -> None:
        splits = {"train": ~self.test, "test": self.test}
        reference = self.labels if self.true is None else self.true
        labels = {"train": self.labels[splits["train"]], "test": reference[splits["test"]]}
        for split, values in labels.items():
            self.writer.save(f"{split}_labels", values)
        if self.true is not None:
            self.writer.save("train_true_labels", self.true[splits["train"]])
            self.report.notes.append("true labels are known; the test split is scored against them")
        hashes = {split: np.concatenate(parts) for split, parts in self.hashes.items()}
        duplicates = find_duplicates(hashes["train"], labels["train"], hashes["test"], labels["test"])
        self.report.write_skipped(self.writer.folder)
        self.writer.commit(self._facts(labels, hashes), self.report.as_json(self.class_names, labels, duplicates))

    def _facts(self, labels: dict[str, NDArray[np.int64]], hashes: dict[str, NDArray[Any]]) -> dict[str, Any]:
        spread = self.high - self.low
        return {
            "title": self.options.name,
            "class_names": self.class_names,
            "scale": 1.0,
            "shift": self.low.tolist(),
            "spread": np.where(spread > 0, spread, 1.0).tolist(),
            "flip": False,
            "labels_are_true": self.true is not None,
            "feature_names": self.feature_names,
            "fingerprint": fingerprint(hashes["train"], labels["train"]),
            "num_train": len(labels["train"]),
            "num_test": len(labels["test"]),
            "shape": (len(self.feature_names),),
        }


def _is_float_text(text: str) -> bool:
    return "." in text and text.replace(".", "", 1).lstrip("+-").isdigit()


def _float_labels(column: str, value: object) -> str:
    return (
        f"the labels in column {column!r} are numbers with a fraction, such as {value!r}; classes are whole numbers or names "
        "(for a quantity to predict, this tool has no use)"
    )
