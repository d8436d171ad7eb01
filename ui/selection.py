"""A choice of examples that was made in a figure, and how a link writes it down."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from imae_core.analysis.data_map import inside

LABELS = {"given": "given_label", "true": "true_label", "predicted": "predicted"}
MAX_CORNERS = 40


@dataclass(frozen=True)
class Region:
    """A polygon on the data map: variability, confidence of its corners."""

    corners: tuple[tuple[float, float], ...]

    @property
    def title(self) -> str:
        return "inside the region marked on the data map"

    def mask(self, table: pd.DataFrame) -> np.ndarray:
        """(N,) of a table with columns variability and confidence."""
        x, y = zip(*self.corners, strict=True)
        return inside(x, y, table["variability"], table["confidence"])

    def __str__(self) -> str:
        return "region:" + ";".join(f"{x:.4g},{y:.4g}" for x, y in self.corners)


@dataclass(frozen=True)
class Cell:
    """A cell of a matrix: the label of its rows and of its columns (`given`, `true`, `predicted`), and both classes."""

    row_label: str
    column_label: str
    row: int
    column: int

    @property
    def title(self) -> str:
        return f"{self.row_label} {self.row}, {self.column_label} {self.column}"

    def mask(self, table: pd.DataFrame) -> np.ndarray:
        """(N,) of a table with the columns given_label, true_label, predicted."""
        rows, columns = table[LABELS[self.row_label]], table[LABELS[self.column_label]]
        return np.asarray((rows == self.row) & (columns == self.column))

    def __str__(self) -> str:
        return f"cell:{self.row_label}:{self.column_label}:{self.row}:{self.column}"


Selection = Region | Cell


def region_of(corners: dict[str, list[float]] | None) -> Region | None:
    """Of a lasso's corners {x, y}; thinned out, so that a link can carry it."""
    if not corners or len(corners["x"]) < 3:
        return None
    points = list(zip(corners["x"], corners["y"], strict=True))
    step = -(-len(points) // MAX_CORNERS)
    return Region(tuple((round(float(x), 4), round(float(y), 4)) for x, y in points[::step]))


def parse(text: str) -> Selection | None:
    """What `str` wrote; None for anything else, such as a link that somebody changed."""
    kind, _, rest = text.partition(":")
    try:
        if kind == "region":
            corners = [tuple(map(float, corner.split(","))) for corner in rest.split(";")]
            if len(corners) >= 3 and all(len(corner) == 2 for corner in corners):
                return Region(tuple((corner[0], corner[1]) for corner in corners))
        elif kind == "cell":
            row_label, column_label, row, column = rest.split(":")
            if row_label in LABELS and column_label in LABELS:
                return Cell(row_label, column_label, int(row), int(column))
    except ValueError:
        pass
    return None
