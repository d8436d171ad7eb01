"""What a person may choose about an import."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ImportOptions:
    """Choices beside the file itself.

    Attributes:
        image_size: the shorter side of pictures that are larger or of several sizes, in pixels.
        skip_unreadable: leave damaged pictures out, and list them, instead of refusing the whole.
        flip: whether a mirrored picture is still one of its class; None: yes for colour, no for grey.
        label_column, true_label_column, split_column: of a table; the last two are used where they are there.
        encoding: of a text table.
    """

    name: str
    image_size: int = 64
    skip_unreadable: bool = False
    flip: bool | None = None
    label_column: str = "label"
    true_label_column: str = "true_label"
    split_column: str = "split"
    encoding: str = "utf-8"


def name_from(path: Path | str) -> str:
    """A data set's name from a file's: letters that a name may not have become dashes."""
    stem = Path(path).name
    for ending in (".zip", ".csv", ".tsv", ".txt", ".parquet", ".npz", ".npy", ".pt"):
        if stem.lower().endswith(ending):
            stem = stem[: -len(ending)]
            break
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-._")[:100] or "data"
