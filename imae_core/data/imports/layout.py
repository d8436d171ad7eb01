"""From file names to splits and classes. Pure: no file is opened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("test", "testing", "val", "valid", "validation")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
ARCHIVE_ENDINGS = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


@dataclass
class Layout:
    """Pictures in import order as (name, class), by split; `test` is None where the data brings no split."""

    train: list[tuple[str, str]] = field(default_factory=list)
    test: list[tuple[str, str]] | None = None
    skipped: list[tuple[str, str]] = field(default_factory=list)
    ignored: int = 0


def read_layout(names: Iterable[str]) -> Layout:
    """Class folders, with a common root folder stripped, under train/ and test/ (or val/) where both are there.

    A picture's class is the first folder below root and split; deeper folders do not matter. `__MACOSX`, dot files, Thumbs.db
    and desktop.ini are ignored; everything else that is no picture in a class folder is skipped with a reason.
    """
    layout = Layout()
    pictures = []
    for name in names:
        parts = tuple(name.split("/"))
        if _is_clutter(parts):
            layout.ignored += 1
        elif not name.lower().endswith(PICTURE_ENDINGS):
            is_archive = name.lower().endswith(ARCHIVE_ENDINGS)
            layout.skipped.append((name, "an archive within the data is not opened" if is_archive else "not a picture"))
        else:
            pictures.append((name, parts))
    pictures = _without_root(pictures)
    tops = {parts[0].lower(): parts[0] for _, parts in pictures if len(parts) > 2}
    train = next((name for name in TRAIN_NAMES if name in tops), None)
    test = next((name for name in TEST_NAMES if name in tops), None)
    if train is None or test is None:
        layout.train = _by_class(pictures, layout.skipped)
        return layout
    inside = {train: [], test: []}  # type: dict[str, list[tuple[str, Sequence[str]]]]
    for name, parts in pictures:
        split = parts[0].lower()
        if split in inside:
            inside[split].append((name, parts[1:]))
        else:
            layout.skipped.append((name, f"neither in {tops[train]}/ nor in {tops[test]}/"))
    layout.train = _by_class(inside[train], layout.skipped)
    layout.test = _by_class(inside[test], layout.skipped)
    return layout


def _is_clutter(parts: Sequence[str]) -> bool:
    return (
        "__MACOSX" in parts or any(part.startswith(".") for part in parts) or parts[-1] in ("Thumbs.db", "desktop.ini")
    )


def _without_root(pictures: list[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """Strips folders that all pictures share, as long as a class folder is left."""
    while pictures and all(len(parts) > 2 for _, parts in pictures) and len({parts[0] for _, parts in pictures}) == 1:
        pictures = [(name, parts[1:]) for name, parts in pictures]
    return pictures


def _by_class(pictures: Sequence[tuple[str, Sequence[str]]], skipped: list[tuple[str, str]]) -> list[tuple[str, str]]:
    kept = []
    for name, parts in pictures:
        if len(parts) < 2:
            skipped.append((name, "not in a class folder"))
        else:
            kept.append((name, parts[0]))
    return kept
