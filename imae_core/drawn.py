"""A weighting curve through drawn points: monotone cubic (PCHIP) or straight lines, for NumPy and PyTorch alike.

Between two points the curve stays between their weights, so that weights >= 0 give a curve >= 0.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imae_core.errors import BadInputError

Points = tuple[tuple[float, ...], ...]

FEWEST, MOST = 2, 50
LARGEST_WEIGHT = 1e6
CLOSEST = 1e-3  # nearer points are a jump, whose cubic loses its digits


def check_points(points: Sequence[Sequence[float]]) -> None:
    """BadInputError unless these are 2 to 50 rows [p, weight], p rising from 0 to 1, weights >= 0 and one above 0."""
    if not FEWEST <= len(points) <= MOST:
        raise BadInputError(f"a drawn curve has {FEWEST} to {MOST} points, got {len(points)}")
    for row, point in enumerate(points, 1):
        if len(point) != 2:
            raise BadInputError(f"a point is a pair [p, weight], got {len(point)} numbers in row {row}")
        if not 0 <= point[1] <= LARGEST_WEIGHT:
            raise BadInputError(f"a weight must be in [0, {LARGEST_WEIGHT:g}], got {point[1]:g} at p = {point[0]:g}")
    p = [point[0] for point in points]
    if p[0] != 0 or p[-1] != 1:
        raise BadInputError(f"the first point must be at p = 0 and the last at p = 1, got {p[0]:g} and {p[-1]:g}")
    for left, right in pairwise(p):
        if right - left < CLOSEST:
            raise BadInputError(
                f"p must rise by at least {CLOSEST:g} from point to point, got {left:g}, then {right:g}"
            )
    if not any(point[1] > 0 for point in points):
        raise BadInputError("every point has weight 0, so nothing would be learned; raise one")


def drawn_curve(points: Sequence[Sequence[float]], smooth: float) -> "DrawnCurve":
    """The curve through rows [p, weight]; made once for the same points. BadInputError as `check_points`."""
    return _curve(tuple(map(tuple, points)), bool(smooth))


@lru_cache(maxsize=256)
def _curve(points: Points, smooth: bool) -> "DrawnCurve":
    check_points(points)
    p, weight = np.asarray(points, dtype=np.float64).T
    return DrawnCurve(p, _cubics(p, weight, pchip_slopes(p, weight)) if smooth else _lines(p, weight))


class DrawnCurve:
    """Cubics between knots, coefficients (4, intervals) of rising powers; call it with (p, not_p, numpy or torch)."""

    def __init__(self, knots: NDArray[np.float64], coefficients: NDArray[np.float64]) -> None:
        self.inner = knots[1:-1].copy()
        self.starts = knots[:-1].copy()
        self.coefficients = coefficients.copy()
        # the last interval counts from p = 1, so that the complement keeps its digits there
        width = knots[-1] - knots[-2]
        a, b, c, d = coefficients[:, -1]
        self.coefficients[:, -1] = (
            a + width * (b + width * (c + width * d)), -(b + width * (2 * c + 3 * width * d)), c + 3 * width * d, -d
        )  # fmt: skip
        self.terms = _integral_terms(self.inner, self.starts, coefficients)
        self._tables: dict[Any, list[Any]] = {}

    def __call__(self, p: Any, not_p: Any, xp: Any) -> Any:
        """w(p), with the shape and type of p."""
        inner, starts, coefficients, _ = self._on(p, xp)
        interval = xp.searchsorted(inner, p if xp is np else p.contiguous())
        distance = xp.where(interval == len(self.starts) - 1, not_p, p - starts[interval])
        a, b, c, d = (row[interval] for row in coefficients)
        weight = a + distance * (b + distance * (c + distance * d))
        return xp.maximum(weight, 0 * weight)  # rounding may go a hair below 0

    def integral(self, p: Any, log_p: Any, log_not_p: Any, xp: Any) -> Any:
        """The integral of w over the log odds, from p = 1/2, in closed form; double precision is wanted."""
        inner, _, _, terms = self._on(p, xp)
        offset, of_log_p, of_log_not_p, linear, square = (row[xp.searchsorted(inner, p)] for row in terms)
        return offset + of_log_p * log_p + of_log_not_p * log_not_p + p * (linear + p * square)

    def _on(self, p: Any, xp: Any) -> list[Any]:
        """Inner knots, starts, coefficients and terms in p's type, on its device; moved there once."""
        place = (xp, p.dtype, getattr(p, "device", None))
        if place not in self._tables:
            kind = {"dtype": p.dtype} if xp is np else {"dtype": p.dtype, "device": p.device}
            parts = (self.inner, self.starts, self.coefficients, self.terms)
            self._tables[place] = [xp.asarray(part, **kind) for part in parts]
        return self._tables[place]


def _integral_terms(
    inner: NDArray[np.float64], starts: NDArray[np.float64], coefficients: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(5, intervals) factors of 1, log p, log(1-p), p and p^2 in the integral of w(p) / (p(1-p)), from partial fractions."""
    a, b, c, d = coefficients
    a, b, c = a - starts * (b - starts * (c - starts * d)), b - starts * (2 * c - 3 * starts * d), c - 3 * starts * d
    terms = np.stack([0 * a, a, -(a + b + c + d), -(c + d), -d / 2])

    def at(p: float, interval: int) -> float:
        return float(terms[:, interval] @ [1, np.log(p), np.log1p(-p), p, p * p])

    for interval, p in enumerate(inner, 1):
        terms[0, interval] = at(p, interval - 1) - at(p, interval)
    terms[0] -= at(0.5, int(np.searchsorted(inner, 0.5)))
    return terms


def pchip_slopes(p: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) slopes at n points that keep a cubic monotone between them (Fritsch & Butland 1984; as SciPy's PCHIP)."""
    steps, rises = np.diff(p), np.diff(weight) / np.diff(p)
    if len(p) == 2:
        return np.full(2, rises[0])
    slopes = np.zeros(len(p))
    left, right = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    same = rises[:-1] * rises[1:] > 0
    before, after = np.where(same, rises[:-1], 1.0), np.where(same, rises[1:], 1.0)
    slopes[1:-1] = np.where(same, (left + right) / (left / before + right / after), 0.0)
    slopes[0] = _end_slope(steps[0], steps[1], rises[0], rises[1])
    slopes[-1] = _end_slope(steps[-1], steps[-2], rises[-1], rises[-2])
    return slopes


def _end_slope(step: float, next_step: float, rise: float, next_rise: float) -> float:
    """Of the parabola through three points, bent back where it would leave the range of the first two."""
    slope = ((2 * step + next_step) * rise - step * next_rise) / (step + next_step)
    if slope * rise <= 0:
        return 0.0
    return 3 * rise if rise * next_rise <= 0 and abs(slope) > 3 * abs(rise) else slope


def _cubics(p: NDArray[np.float64], weight: NDArray[np.float64], slopes: NDArray[np.float64]) -> NDArray[np.float64]:
    steps, rises = np.diff(p), np.diff(weight) / np.diff(p)
    bend = (slopes[:-1] + slopes[1:] - 2 * rises) / steps
    return np.stack([weight[:-1], slopes[:-1], (rises - slopes[:-1]) / steps - bend, bend / steps])


def _lines(p: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    rises = np.diff(weight) / np.diff(p)
    return np.stack([weight[:-1], rises, 0 * rises, 0 * rises])
