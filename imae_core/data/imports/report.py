"""What an import found, changed and left out. Nothing is dropped silently."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXAMPLES = 10
GROUPS = 50
SPLITS = ("train", "test")


@dataclass
class ImportReport:
    """Collected while importing; `as_json` is what the data set keeps, `write_skipped` the full list of what is missing."""

    source: str
    kind: str
    skipped: list[tuple[str, str]] = field(default_factory=list)
    changed: dict[str, list[str]] = field(default_factory=dict)
    changed_counts: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    features: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def change(self, what: str, name: str) -> None:
        """Counts one example that was altered, and keeps the first names."""
        self.changed_counts[what] += 1
        names = self.changed.setdefault(what, [])
        if len(names) < EXAMPLES:
            names.append(name)

    def as_json(
        self, class_names: Sequence[str], labels: Mapping[str, NDArray[np.int64]], duplicates: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The whole report; `labels` by split."""
        K = len(class_names)
        counts = {split: np.bincount(labels[split], minlength=K) for split in SPLITS}
        reasons: dict[str, list[str]] = {}
        for name, reason in self.skipped:
            reasons.setdefault(reason, []).append(name)
        return {
            "source": self.source,
            "kind": self.kind,
            "notes": self.notes,
            "classes": [
                {"name": name, **{split: int(counts[split][place]) for split in SPLITS}}
                for place, name in enumerate(class_names)
            ],
            "sizes": [
                {"height": height, "width": width, "count": count}
                for (height, width), count in self.sizes.most_common(EXAMPLES)
            ],
            "num_sizes": len(self.sizes),
            "skipped": [
                {"reason": reason, "count": len(names), "examples": names[:EXAMPLES]}
                for reason, names in reasons.items()
            ],
            "changed": [
                {"what": what, "count": self.changed_counts[what], "examples": names}
                for what, names in self.changed.items()
            ],
            "features": self.features,
            "duplicates": duplicates,
        }

    def write_skipped(self, folder: Path) -> None:
        """`skipped.csv`, every name with its reason."""
        if not self.skipped:
            return
        with (folder / "skipped.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["name", "reason"])
            writer.writerows(self.skipped)


def find_duplicates(
    train: NDArray[Any], train_labels: NDArray[np.int64], test: NDArray[Any], test_labels: NDArray[np.int64]
) -> dict[str, Any]:
    """Exact duplicates by content hash (N,).

    Counts: `train` and `test` extra copies within a split, `across` test rows that are in the training split too,
    `conflicting` groups of equal content under different labels; `groups` lists the first 50, conflicting ones first.
    """
    hashes = np.concatenate([train, test])
    labels = np.concatenate([train_labels, test_labels])
    in_test = np.arange(len(hashes)) >= len(train)
    _, group, sizes = np.unique(hashes, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(sizes)
    lowest = np.minimum.reduceat(labels[order], ends - sizes)
    highest = np.maximum.reduceat(labels[order], ends - sizes)
    num_test = np.add.reduceat(in_test[order].astype(np.int64), ends - sizes)
    num_train = sizes - num_test
    conflicting = lowest != highest
    listed = np.flatnonzero(sizes > 1)
    listed = listed[np.argsort(~conflicting[listed], kind="stable")][:GROUPS]
    return {
        "train": int(np.maximum(num_train - 1, 0).sum()),
        "test": int(np.maximum(num_test - 1, 0).sum()),
        "across": int(num_test[num_train > 0].sum()),
        "conflicting": int(conflicting.sum()),
        "groups": [_group(order[ends[g] - sizes[g] : ends[g]], labels, len(train)) for g in listed],
    }


def _group(rows: NDArray[np.int64], labels: NDArray[np.int64], num_train: int) -> list[dict[str, Any]]:
    return [
        {
            "split": "test" if row >= num_train else "train",
            "row": int(row - num_train if row >= num_train else row),
            "label": int(labels[row]),
        }
        for row in rows[:EXAMPLES]
    ]


def report_lines(report: Mapping[str, Any]) -> Iterable[str]:
    """The report in sentences, for the command line and the page."""
    yield from report["notes"]
    for entry in report["changed"]:
        yield f"{entry['count']:,} examples: {entry['what']} (such as {', '.join(entry['examples'][:3])})"
    for entry in report["skipped"]:
        yield f"left out {entry['count']:,}: {entry['reason']} (such as {', '.join(entry['examples'][:3])})"
    same = report["duplicates"]
    if same["train"] or same["test"]:
        yield f"exact duplicates: {same['train']:,} extra copies in the training split, {same['test']:,} in the test split"
    if same["across"]:
        yield f"{same['across']:,} test examples are in the training split too: test accuracy will look better than it is"
    if same["conflicting"]:
        yield f"{same['conflicting']:,} groups of equal examples have different labels: at least one of each is wrong"
