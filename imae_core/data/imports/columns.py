"""The columns of a table: what each one is, and its part of the feature matrix."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imae_core.data.imports.tables import is_text, texts
from imae_core.errors import DatasetError
from imae_core.limits import Limits

MISSING = pa.array(["", "NA", "N/A", "n/a", "na", "null", "NULL", "None", "none", "?", "-"])
NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity)$"
FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass
class Column:
    """Fed batch by batch in a first pass; then it knows its kind and turns batches into features."""

    name: str
    limits: Limits
    decimal_comma: bool = False
    rows: int = 0
    num_numbers: int = 0
    num_texts: int = 0
    num_missing: int = 0
    low: float = float("inf")
    high: float = float("-inf")
    total: float = 0.0
    first_text: tuple[int, str] | None = None
    categories: dict[str, None] | None = field(default_factory=dict)
    unusable: str = ""

    # -- first pass ----------------------------------------------------------------------------------------------

    def scan(self, values: pa.Array) -> None:
        """Counts numbers, texts and missing values; DatasetError for NaN, infinity and what float32 cannot hold."""
        if self.unusable:
            return
        if is_text(values.type):
            self._scan_texts(texts(values))
        elif pa.types.is_boolean(values.type) or pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
            self._scan_numbers(pc.cast(values, pa.float64(), safe=False), values)
        elif pa.types.is_decimal(values.type):
            self._scan_numbers(pc.cast(values, pa.float64()), values)
        elif pa.types.is_null(values.type):
            self.num_missing += len(values)
        else:
            self.unusable = f"its type, {values.type}, is neither numeric nor text"
        self.rows += len(values)

    def _scan_texts(self, values: pa.Array) -> None:
        numbers = self._all_numbers(values)
        if numbers is not None:
            self._scan_numbers(numbers, values)
            self._note_categories(values)
            return
        missing = self._missing(values)
        self.num_missing += pc.sum(missing).as_py() or 0
        present = pc.if_else(missing, pa.scalar(None, values.type), values)
        numbers = self._parsed(present)
        is_number = pc.is_valid(numbers)
        self._scan_numbers(numbers, values, count_missing=False)
        leftover = pc.and_(pc.is_valid(present), pc.invert(is_number))
        count = pc.sum(leftover).as_py() or 0
        self.num_texts += count
        if count and self.first_text is None:
            place = pc.index(leftover, True).as_py()
            self.first_text = (self.rows + place, values[place].as_py())
        self._note_categories(present)

    def _note_categories(self, present: pa.Array) -> None:
        if self.categories is not None:
            self.categories.update(
                dict.fromkeys(value for value in pc.unique(present).to_pylist() if value is not None)
            )
            if len(self.categories) > self.limits.categories:
                self.categories = None

    def _scan_numbers(self, numbers: pa.Array, values: pa.Array, count_missing: bool = True) -> None:
        if count_missing:
            self.num_missing += numbers.null_count
        array = numbers.drop_null().to_numpy()
        if not len(array):
            return
        if not np.isfinite(array).all() or np.abs(array).max() > FLOAT32_MAX:
            filled = pc.fill_null(numbers, 0.0).to_numpy(zero_copy_only=False)
            place = int(np.flatnonzero(~np.isfinite(filled) | (np.abs(filled) > FLOAT32_MAX))[0])
            raise DatasetError(
                f"column {self.name!r} has {values[place].as_py()!r} in row {self.rows + place + 1:,}; every number must be finite "
                "(and fit float32). Leave a cell empty where a value is missing"
            )
        self.num_numbers += len(array)
        self.low = min(self.low, float(array.min()))
        self.high = max(self.high, float(array.max()))
        self.total += float(array.sum(dtype=np.float64))

    def _missing(self, values: pa.Array) -> pa.Array:
        return pc.or_(pc.is_null(values), pc.is_in(values, pc.cast(MISSING, values.type)))

    def _all_numbers(self, values: pa.Array) -> pa.Array | None:
        """Texts as float64 at once, which is fast; None where one of them is none, be it missing."""
        if self.decimal_comma:
            values = pc.replace_substring(values, ",", ".")
        try:
            return pc.cast(values, pa.float64())
        except pa.ArrowInvalid:
            return None

    def _parsed(self, present: pa.Array) -> pa.Array:
        """Texts as float64, null where a text is no number."""
        numbers = self._all_numbers(present)
        if numbers is not None:
            return numbers
        if self.decimal_comma:
            present = pc.replace_substring(present, ",", ".")
        fits = pc.or_(pc.match_substring_regex(present, NUMBER), pc.match_substring_regex(present, NOT_FINITE))
        return pc.cast(pc.if_else(fits, present, pa.scalar(None, present.type)), pa.float64())

    # -- what it is ----------------------------------------------------------------------------------------------

    def settle(self) -> str:
        """'' if usable, else why it is left out; DatasetError for text among numbers."""
        if self.unusable:
            return self.unusable
        if not self.num_numbers and not self.num_texts:
            return "it has no values at all"
        if self.num_texts and self.num_numbers >= self.num_texts and self.first_text is not None:
            row, value = self.first_text
            raise DatasetError(
                f"column {self.name!r} is numeric ({self.num_numbers:,} numbers), but row {row + 1:,} has the text {value!r}; mend "
                "that cell, or leave it empty if the value is missing"
            )
        if self.num_texts and self.categories is None:
            return (
                f"it has more than {self.limits.categories} different texts: an identifier or free text, not a category"
            )
        return ""

    @property
    def is_numeric(self) -> bool:
        return not self.num_texts

    def feature_names(self) -> list[str]:
        """One name for a number; one for each category, and for a missing one where that occurs."""
        if self.is_numeric:
            return [self.name]
        return [f"{self.name}={category}" for category in self._ordered()] + (
            [f"{self.name}=(missing)"] if self.num_missing else []
        )

    def _ordered(self) -> list[str]:
        return sorted(self.categories or {})

    def facts(self) -> dict[str, Any]:
        """A line of the report."""
        mean = self.total / self.num_numbers if self.num_numbers and self.is_numeric else None
        return {
            "name": self.name,
            "kind": "number" if self.is_numeric else "category",
            "missing": self.num_missing,
            "constant": (self.low == self.high) if self.is_numeric else len(self.categories or {}) == 1,
            "low": self.low if self.is_numeric else None,
            "high": self.high if self.is_numeric else None,
            "mean": mean,
            "categories": None if self.is_numeric else len(self.categories or {}),
        }

    # -- second pass ---------------------------------------------------------------------------------------------

    def features(self, values: pa.Array) -> NDArray[np.float32]:
        """(n, len(feature_names())): numbers with missing ones at the mean, or one column a category (0 or 1)."""
        if not self.is_numeric:
            return self._one_hot(texts(values))
        if is_text(values.type):
            values = texts(values)
            numbers = self._all_numbers(values)
            if numbers is None:
                numbers = self._parsed(pc.if_else(self._missing(values), pa.scalar(None, values.type), values))
            values = numbers
        numbers = pc.cast(values, pa.float64(), safe=False)
        filled = pc.fill_null(numbers, self.total / self.num_numbers)
        return filled.to_numpy(zero_copy_only=False).astype(np.float32)[:, None]  # type: ignore[no-any-return]

    def _one_hot(self, values: pa.Array) -> NDArray[np.float32]:
        places = pc.index_in(values, pa.array(self._ordered(), values.type))
        codes = pc.fill_null(places, len(self.categories or {})).to_numpy(zero_copy_only=False)
        encoded = np.zeros((len(codes), len(self.feature_names())), dtype=np.float32)
        encoded[np.arange(len(codes)), codes] = 1.0
        return encoded
