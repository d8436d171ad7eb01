"""An NPZ file into a data set: arrays are unpacked one by one under limits, checked by their headers, and read in pieces."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imae_core.data.channels import ChannelStatistics
from imae_core.data.imports.folders import Progress
from imae_core.data.imports.hashes import fingerprint, row_hashes
from imae_core.data.imports.labels import ClassCoder, check_classes, stratified_test_rows
from imae_core.data.imports.npy import expected_bytes
from imae_core.data.imports.options import ImportOptions
from imae_core.data.imports.pictures import Shape, common_shape, fitted
from imae_core.data.imports.report import SPLITS, ImportReport, find_duplicates
from imae_core.data.imports.source import ZipSource
from imae_core.data.imports.writer import DatasetWriter
from imae_core.errors import DatasetError

COPY_BYTES = 4_000_000
PIECE_BYTES = 16_000_000
OTHER_NAMES = {
    "x": "features", "X": "features", "data": "features", "y": "labels", "targets": "labels", "x_train": "images",
    "y_train": "labels", "x_test": "test_images", "y_test": "test_labels", "given_labels": "labels",
}  # fmt: skip
KNOWN = ("images", "features", "labels", "true_labels", "test_images", "test_features", "test_labels", "class_names")


def import_npz(
    source: ZipSource, writer: DatasetWriter, options: ImportOptions, report: ImportReport, progress: Progress
) -> None:
    """Imports and commits; nothing in the file is ever unpickled."""
    arrays = _Arrays(source, writer, options, report, progress)
    arrays.unpack()
    arrays.check()
    arrays.write()
    arrays.commit()


class _Arrays:
    def __init__(
        self, source: ZipSource, writer: DatasetWriter, options: ImportOptions, report: ImportReport, progress: Progress
    ) -> None:
        self.source = source
        self.writer = writer
        self.options = options
        self.report = report
        self.progress = progress
        self.paths: dict[str, Path] = {}

    def unpack(self) -> None:
        """Each member's header is read and checked against what is really there before numpy sees it."""
        members = {name.removesuffix(".npy"): name for name in self.source.names() if name.endswith(".npy")}
        for stem, member in members.items():
            known = stem if stem in KNOWN else OTHER_NAMES.get(stem, "")
            if known == "images" and "images" in members and stem != "images":
                known = ""
            if not known or known in self.paths:
                self.report.skipped.append((stem, f"not one of the arrays {', '.join(KNOWN)}"))
                continue
            self.progress(0, 0, f"unpacking {stem}", "arrays")
            self.paths[known] = self._unpacked(member, stem)
        for images, features in (("images", "features"), ("test_images", "test_features")):
            self._sort_out(images, features)

    def _unpacked(self, member: str, stem: str) -> Path:
        path = self.writer.scratch() / f"{len(self.paths)}.npy"
        with self.source.open(member) as stream:
            expected = expected_bytes(stream, stem)
            self.writer.check_disk(expected)
        size = 0
        with self.source.open(member) as stream, path.open("wb") as target:
            while piece := stream.read(COPY_BYTES):
                size += len(piece)
                self.source.count(member, size)
                target.write(piece)
                self.progress(0, 0, f"unpacking {stem}", "arrays")
        if size < expected:
            raise DatasetError(
                f"array {stem!r} says that it has {expected:,} bytes, but only {size:,} are there: the file is damaged or made up"
            )
        return path

    def _sort_out(self, images: str, features: str) -> None:
        """`x_train` may be either: what has two dimensions is a table."""
        if images in self.paths and features not in self.paths and self._map(images).ndim == 2:
            self.paths[features] = self.paths.pop(images)
        elif features in self.paths and images not in self.paths and self._map(features).ndim in (3, 4):
            self.paths[images] = self.paths.pop(features)

    def _map(self, name: str) -> NDArray[Any]:
        try:
            return np.load(self.paths[name], mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
        except (ValueError, OSError, EOFError) as error:
            raise DatasetError(f"array {name!r} cannot be read: {error}") from None

    # -- checks --------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Names, shapes and kinds, before anything is stored."""
        given = [name for name in ("images", "features") if name in self.paths]
        if len(given) != 1 or "labels" not in self.paths:
            have = ", ".join(self.paths) or "none of them"
            raise DatasetError(f"an .npz needs `labels` and one of `images` or `features`; it has {have}")
        self.kind = given[0]
        self.test_kind = f"test_{self.kind}"
        has_test = self.test_kind in self.paths or "test_labels" in self.paths
        if has_test and not (self.test_kind in self.paths and "test_labels" in self.paths):
            raise DatasetError(f"`{self.test_kind}` and `test_labels` go together; only one of them is in the file")
        self.layout = _layout(self._map(self.kind), self.kind)
        if has_test and _layout(self._map(self.test_kind), self.test_kind)[1:] != self.layout[1:]:
            raise DatasetError(f"`{self.test_kind}` has other dimensions than `{self.kind}`")
        self._read_labels(has_test)

    def _read_labels(self, has_test: bool) -> None:
        coder = ClassCoder(self.writer.limits)
        names = self._class_names()
        num_rows = len(self._map(self.kind))
        codes = {"labels": self._codes("labels", num_rows, coder, names)}
        if "true_labels" in self.paths:
            codes["true_labels"] = self._codes("true_labels", num_rows, coder, names)
        if has_test:
            codes["test_labels"] = self._codes("test_labels", len(self._map(self.test_kind)), coder, names)
        self.class_names, final = coder.ordered()
        if names is not None:
            self.class_names, final = _in_given_order(coder, names)
        self.labels = final[codes["labels"]]
        self.true = final[codes["true_labels"]] if "true_labels" in codes else None
        reference = self.labels if self.true is None else self.true
        if has_test:
            self.test_labels = final[codes["test_labels"]]
            self.test = np.zeros(num_rows, dtype=bool)
            check_classes(self.class_names, self.labels, self.test_labels)
            self.report.notes.append("train and test split as in the file")
        else:
            check_classes(self.class_names, self.labels, None)
            self.test = stratified_test_rows(reference, len(self.class_names))
            self.test_labels = reference[self.test]
            self.report.notes.append("no test split in it: 20 % of each class are held out (stratified, seed 0)")

    def _class_names(self) -> list[str] | None:
        if "class_names" not in self.paths:
            return None
        values = self._map("class_names")
        if values.ndim != 1 or values.dtype.kind not in "US":
            raise DatasetError(f"`class_names` must be a list of texts, got {values.dtype} of shape {values.shape}")
        names = [value.decode() if isinstance(value, bytes) else str(value) for value in values]
        if len(set(names)) < len(names):
            raise DatasetError("`class_names` names a class twice")
        return names

    def _codes(self, name: str, num_rows: int, coder: ClassCoder, names: list[str] | None) -> NDArray[np.int64]:
        values = self._map(name)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1:
            raise DatasetError(
                f"`{name}` must be a list of classes (N,), got shape {values.shape}; of one-hot rows take the argmax"
            )
        if len(values) != num_rows:
            raise DatasetError(f"`{name}` has {len(values):,} entries for {num_rows:,} examples")
        if values.dtype.kind not in "iuUS":
            raise DatasetError(
                f"`{name}` must be whole numbers or texts, got {values.dtype}; a class is not a quantity"
            )
        distinct, inverse = np.unique(np.asarray(values), return_inverse=True)
        codes = np.array([coder.code(self._name_of(value, names, name)) for value in distinct], dtype=np.int64)
        return codes[inverse]

    def _name_of(self, value: Any, names: list[str] | None, where: str) -> str:
        if names is None or isinstance(value, str | bytes):
            return value.decode() if isinstance(value, bytes) else str(value)
        if not 0 <= value < len(names):
            raise DatasetError(
                f"`{where}` has {value}, but `class_names` names {len(names)} classes, 0 to {len(names) - 1}"
            )
        return names[value]  # type: ignore[no-any-return]

    # -- writing -------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """In pieces; every piece maps the file anew, so that pages read are not kept."""
        self.shape: Shape | None = None
        row_shape: tuple[int, ...] = self.layout[1:]
        dtype = "float32"
        if self.kind == "images":
            sizes = {(self.layout[2], self.layout[3]): len(self.labels) + (len(self.test_labels))}
            self.report.sizes.update(sizes)
            self.shape = common_shape(sizes, self.layout[1] == 1, self.options.image_size)
            row_shape = (self.shape.channels, self.shape.height, self.shape.width)
            dtype = "uint8"
            self.statistics = ChannelStatistics(self.shape.channels)
            if not self.shape.keep:
                self.report.notes.append(
                    f"pictures were resized and cropped to {self.shape.height} x {self.shape.width}"
                )
        elif self.layout[1] > self.writer.limits.columns:
            raise DatasetError(
                f"there are {self.layout[1]:,} features; at most {self.writer.limits.columns:,} are taken"
            )
        else:
            self.low = np.full(row_shape, np.inf)
            self.high = np.full(row_shape, -np.inf)
        self.hashes: dict[str, list[NDArray[np.uint64]]] = {split: [] for split in SPLITS}
        for split in SPLITS:
            self.writer.new_array(f"{split}_inputs", row_shape, dtype, len(self.labels))
        self._copy(self.kind, self.test)
        if self.test_kind in self.paths:
            self._copy(self.test_kind, np.ones(len(self.test_labels), dtype=bool))

    def _copy(self, name: str, is_test: NDArray[np.bool_]) -> None:
        num_rows = len(is_test)
        row_bytes = max(1, int(np.prod(self.layout[1:])) * 8)
        size = max(1, PIECE_BYTES // row_bytes)
        for start in range(0, num_rows, size):
            self.progress(start, num_rows, f"writing {name}", "examples")
            piece = np.array(self._map(name)[start : start + size])
            rows = self._pixels(piece, name) if self.shape is not None else _numbers(piece, name, start)
            test = is_test[start : start + size]
            for split, part in (("train", rows[~test]), ("test", rows[test])):
                self.writer.append(f"{split}_inputs", part)
                self.hashes[split].append(row_hashes(part))
            self._learn(rows[~test])

    def _learn(self, rows: NDArray[Any]) -> None:
        if not len(rows):
            return
        if self.shape is not None:
            self.statistics.add(rows)
        else:
            self.low = np.minimum(self.low, rows.min(axis=0))
            self.high = np.maximum(self.high, rows.max(axis=0))

    def _pixels(self, piece: NDArray[Any], name: str) -> NDArray[np.uint8]:
        assert self.shape is not None
        if piece.ndim == 3:
            piece = piece[:, None]
        elif piece.shape[1] not in (1, 3) or piece.shape[3] in (1, 3):
            piece = piece.transpose(0, 3, 1, 2)
        if piece.dtype.kind == "f":
            if not np.isfinite(piece).all() or piece.min(initial=0) < 0 or piece.max(initial=0) > 1:
                raise DatasetError(f"`{name}` are {piece.dtype}: pictures must be uint8, or numbers from 0 to 1")
            piece = np.rint(piece * 255).astype(np.uint8)
        if self.shape.keep:
            return np.ascontiguousarray(piece, dtype=np.uint8)
        return np.stack([fitted(row, self.shape) for row in piece])

    def commit(self) -> None:
        labels = {"train": self.labels[~self.test], "test": self.test_labels}
        for split in SPLITS:
            self.writer.save(f"{split}_labels", labels[split])
        if self.true is not None:
            self.writer.save("train_true_labels", self.true[~self.test])
            self.report.notes.append("true labels are known; the test split is scored against them")
        hashes = {split: np.concatenate(parts) for split, parts in self.hashes.items()}
        duplicates = find_duplicates(hashes["train"], labels["train"], hashes["test"], labels["test"])
        self.report.write_skipped(self.writer.folder)
        facts = {
            "title": self.options.name,
            "class_names": self.class_names,
            "labels_are_true": self.true is not None,
            "fingerprint": fingerprint(hashes["train"], labels["train"]),
            "num_train": len(labels["train"]),
            "num_test": len(labels["test"]),
            **(self._picture_facts() if self.shape is not None else self._table_facts()),
        }
        self.writer.commit(facts, self.report.as_json(self.class_names, labels, duplicates))

    def _picture_facts(self) -> dict[str, Any]:
        assert self.shape is not None
        is_colour = self.shape.channels == 3
        mean, std = self.statistics.mean_and_std()
        return {
            "scale": 1 / 255,
            "shift": mean if is_colour else None,
            "spread": std if is_colour else None,
            "flip": is_colour if self.options.flip is None else self.options.flip,
            "shape": (self.shape.channels, self.shape.height, self.shape.width),
        }

    def _table_facts(self) -> dict[str, Any]:
        spread = self.high - self.low
        constant = int((spread == 0).sum())
        if constant:
            self.report.notes.append(f"{constant:,} constant features, which cannot help")
        return {
            "scale": 1.0,
            "shift": self.low.tolist(),
            "spread": np.where(spread > 0, spread, 1.0).tolist(),
            "flip": False,
            "feature_names": [f"feature {place}" for place in range(len(self.low))],
            "shape": self.layout[1:],
        }


def _layout(array: NDArray[Any], name: str) -> tuple[int, ...]:
    """(N, D) of a table or (N, C, H, W) of pictures, whatever their order."""
    shape = array.shape
    if not len(shape) or not shape[0] or 0 in shape:
        raise DatasetError(f"`{name}` is empty (shape {shape})")
    if name.endswith("features"):
        if len(shape) != 2 or array.dtype.kind not in "iufb":
            raise DatasetError(f"`{name}` must be numbers (N, D), got {array.dtype} of shape {shape}")
        return tuple(shape)
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise DatasetError(f"`{name}` must be uint8 from 0 to 255 (or floats from 0 to 1), got {array.dtype}")
    if len(shape) == 3:
        return (shape[0], 1, shape[1], shape[2])
    if len(shape) == 4 and shape[3] in (1, 3):
        return (shape[0], shape[3], shape[1], shape[2])
    if len(shape) == 4 and shape[1] in (1, 3):
        return tuple(shape)
    raise DatasetError(f"`{name}` must be (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1 or 3, got shape {shape}")


def _numbers(piece: NDArray[Any], name: str, start: int) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        numbers = piece.astype(np.float32)
    if not np.isfinite(numbers).all():
        row, column = np.argwhere(~np.isfinite(numbers))[0]
        raise DatasetError(
            f"`{name}` has {piece[row, column]} in row {start + row}, column {column}; every number must be finite (and fit float32)"
        )
    return numbers


def _in_given_order(coder: ClassCoder, names: list[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Classes in the order of `class_names`, those that never occur left out."""
    used = [name for name in names if name in coder.codes] + [name for name in coder.codes if name not in names]
    final = np.empty(len(coder.codes), dtype=np.int64)
    for place, name in enumerate(used):
        final[coder.codes[name]] = place
    return tuple(used), final
