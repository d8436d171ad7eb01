"""Class folders of pictures into a data set, streamed: one pass over the headers, one over the pixels."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imae_core.data.channels import ChannelStatistics
from imae_core.data.imports.hashes import fingerprint, row_hashes
from imae_core.data.imports.labels import ClassCoder, check_classes, stratified_test_rows
from imae_core.data.imports.layout import Layout, read_layout
from imae_core.data.imports.options import ImportOptions
from imae_core.data.imports.pictures import (
    Header,
    Shape,
    UnreadablePictureError,
    common_shape,
    decode,
    read_header,
)
from imae_core.data.imports.report import ImportReport, find_duplicates
from imae_core.data.imports.source import Source
from imae_core.data.imports.writer import DatasetWriter
from imae_core.errors import DatasetError
from imae_core.hardware import cpu_cores

Progress = Callable[[int, int, str, str], None]
BATCH = 256
Item = TypeVar("Item")
Result = TypeVar("Result")


def import_folders(
    source: Source, writer: DatasetWriter, options: ImportOptions, report: ImportReport, progress: Progress
) -> None:
    """Imports and commits; DatasetError says which file is the trouble."""
    progress(0, 0, "listing the files", "files")
    layout = read_layout(source.names())
    report.skipped += source.skipped + layout.skipped
    if not layout.train:
        raise DatasetError(_nothing_found(layout))
    pictures = _Pictures(source, writer, options, report, progress)
    pictures.scan(layout)
    pictures.write()
    pictures.commit()


def _nothing_found(layout: Layout) -> str:
    reason = f": {layout.skipped[0][0]!r} is {layout.skipped[0][1]}" if layout.skipped else ""
    return (
        "there are no pictures in class folders in it; it should hold one folder a class, such as cat/1.png, dog/2.png, "
        f"optionally under train/ and test/{reason}"
    )


class _Pictures:
    def __init__(
        self, source: Source, writer: DatasetWriter, options: ImportOptions, report: ImportReport, progress: Progress
    ) -> None:
        self.source = source
        self.writer = writer
        self.options = options
        self.report = report
        self.progress = progress
        self.coder = ClassCoder(writer.limits)
        self.names: list[str] = []
        self.codes: list[int] = []
        self.is_test: list[bool] = []
        self.all_grey = True

    def scan(self, layout: Layout) -> None:
        """Reads every header, so that shape, classes and sizes are known before anything is stored."""
        listed = [(name, label, False) for name, label in layout.train]
        listed += [(name, label, True) for name, label in layout.test or []]
        self.total = len(listed)
        self.has_split = layout.test is not None
        if self.total > self.writer.limits.rows:
            raise DatasetError(f"there are {self.total:,} pictures; at most {self.writer.limits.rows:,} are taken")
        with ThreadPoolExecutor(min(cpu_cores(), 8)) as pool:
            for done, ((name, label, is_test), future) in enumerate(_in_order(pool, self._header, listed)):
                if done % 200 == 0:
                    self.progress(done, 2 * self.total, "reading the pictures' headers", "pictures")
                header = self._readable(name, future.result)
                if header is None:
                    continue
                self._note(name, header)
                self.names.append(name)
                self.codes.append(self.coder.code(label))
                self.is_test.append(is_test)
        self._order_classes()

    def _header(self, listed: tuple[str, str, bool]) -> Header:
        name = listed[0]
        return read_header(self.source.read(name), name, self.writer.limits)

    def _note(self, name: str, header: Header) -> None:
        self.all_grey &= header.is_grey
        self.report.sizes[header.height, header.width] += 1
        for note in header.notes:
            self.report.change(note, name)

    def _readable(self, name: str, work: Callable[[], Result]) -> Result | None:
        try:
            return work()
        except UnreadablePictureError as error:
            if not self.options.skip_unreadable:
                raise UnreadablePictureError(
                    f"{error}. Mend or remove it, or leave out what cannot be read (--skip-unreadable)"
                ) from None
            self.report.skipped.append((name, str(error).removeprefix(name).strip()))
            return None

    def _order_classes(self) -> None:
        self.class_names, final = self.coder.ordered()
        codes = np.array(self.codes, dtype=np.int64)
        self.labels = final[codes] if len(codes) else codes
        test = np.array(self.is_test, dtype=bool)
        if self.has_split:
            check_classes(self.class_names, self.labels[~test], self.labels[test])
            self.report.notes.append("train and test split as in the folders")
        else:
            check_classes(self.class_names, self.labels, None)
            test = stratified_test_rows(self.labels, len(self.class_names))
            self.report.notes.append("no test split in it: 20 % of each class are held out (stratified, seed 0)")
        self.test = test

    def write(self) -> None:
        """Decodes in threads (Pillow works outside of Python's lock) and appends in import order."""
        shape = common_shape(dict(self.report.sizes), self.all_grey, self.options.image_size)
        self.shape = shape
        if not shape.keep:
            self._note_resizing(shape)
        row_shape = (shape.channels, shape.height, shape.width)
        for split, count in (("train", int((~self.test).sum())), ("test", int(self.test.sum()))):
            self.writer.new_array(f"{split}_inputs", row_shape, "uint8", count)
        self.statistics = ChannelStatistics(shape.channels)
        self.kept: dict[str, list[int]] = {"train": [], "test": []}
        self.hashes: dict[str, list[NDArray[np.uint64]]] = {"train": [], "test": []}
        waiting: dict[str, list[NDArray[np.uint8]]] = {"train": [], "test": []}
        with ThreadPoolExecutor(min(cpu_cores(), 8)) as pool:
            for row, future in _in_order(pool, lambda row: self._decoded(row, shape), range(len(self.names))):
                if row % 50 == 0:
                    self.progress(self.total + row, 2 * self.total, "decoding the pictures", "pictures")
                decoded = self._readable(self.names[row], future.result)
                if decoded is None:
                    continue
                split = "test" if self.test[row] else "train"
                self.kept[split].append(row)
                waiting[split].append(decoded)
                if len(waiting[split]) == BATCH:
                    self._flush(split, waiting)
        for split in waiting:
            self._flush(split, waiting)

    def _note_resizing(self, shape: Shape) -> None:
        target = (shape.height, shape.width)
        altered = sum(count for size, count in self.report.sizes.items() if size != target)
        self.report.notes.append(
            f"{altered:,} of {len(self.names):,} pictures were resized and cropped to {shape.height} x {shape.width} "
            f"({len(self.report.sizes):,} different sizes)"
        )

    def _decoded(self, row: int, shape: Shape) -> NDArray[np.uint8]:
        name = self.names[row]
        return decode(self.source.read(name), name, shape)

    def _flush(self, split: str, waiting: dict[str, list[NDArray[np.uint8]]]) -> None:
        if waiting[split]:
            batch = np.stack(waiting[split])
            self.writer.append(f"{split}_inputs", batch)
            self.hashes[split].append(row_hashes(batch))
            if split == "train":
                self.statistics.add(batch)
            waiting[split].clear()

    def commit(self) -> None:
        rows = {split: np.array(kept, dtype=np.int64) for split, kept in self.kept.items()}
        labels = {split: self.labels[rows[split]] for split in rows}
        check_classes(self.class_names, labels["train"], labels["test"])
        for split in rows:
            self.writer.save(f"{split}_labels", labels[split])
            self.writer.save_names(f"{split}_names", [self.names[row] for row in rows[split]])
        self.progress(2 * self.total, 2 * self.total, "looking for duplicates", "pictures")
        hashes = {split: np.concatenate(parts) for split, parts in self.hashes.items()}
        duplicates = find_duplicates(hashes["train"], labels["train"], hashes["test"], labels["test"])
        self.report.write_skipped(self.writer.folder)
        self.writer.commit(self._facts(labels, hashes), self.report.as_json(self.class_names, labels, duplicates))

    def _facts(self, labels: dict[str, NDArray[np.int64]], hashes: dict[str, NDArray[Any]]) -> dict[str, Any]:
        mean, std = self.statistics.mean_and_std()
        is_colour = self.shape.channels == 3
        return {
            "title": self.options.name,
            "class_names": self.class_names,
            "scale": 1 / 255,
            "shift": mean if is_colour else None,
            "spread": std if is_colour else None,
            "flip": is_colour if self.options.flip is None else self.options.flip,
            "labels_are_true": False,
            "fingerprint": fingerprint(hashes["train"], labels["train"]),
            "num_train": len(labels["train"]),
            "num_test": len(labels["test"]),
            "shape": (self.shape.channels, self.shape.height, self.shape.width),
        }


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[tuple[Item, "Future[Result]"]]:
    """Futures in the order of the items, with a bounded number under way."""
    under_way: deque[tuple[Item, Future[Result]]] = deque()
    for item in items:
        under_way.append((item, pool.submit(work, item)))
        if len(under_way) >= 64:
            yield under_way.popleft()
    while under_way:
        yield under_way.popleft()
