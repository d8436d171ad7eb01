"""The numbers behind a figure as a table, for a CSV beside its picture. Pure."""

import base64
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from imae_core.errors import BadInputError

GRIDS = ("heatmap", "contour", "surface")


def figure_table(figure: go.Figure) -> pd.DataFrame:
    """One row a drawn point, in the order of the traces: trace, x, y, then z of grids and custom_0, custom_1 ... where given.

    Values are those of the figure, in the units of its axes; what is hidden by the legend is there too, shapes are not.
    Raises BadInputError for a kind of trace that has neither x and y nor z.
    """
    tables = [_trace_table(trace, place) for place, trace in enumerate(figure.data)]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["trace", "x", "y"])


def _trace_table(trace: Any, place: int) -> pd.DataFrame:
    name = str(trace.name) if trace.name is not None else f"{trace.type} {place + 1}"
    columns = _grid(trace) if trace.type in GRIDS else _points(trace)
    return pd.DataFrame({"trace": [name] * len(columns["x"]), **columns})


def _points(trace: Any) -> dict[str, Any]:
    given = {axis: values_of(getattr(trace, axis, None)) for axis in ("x", "y")}
    if all(values is None for values in given.values()):
        if "x" in trace and "y" in trace:
            return {"x": [], "y": []}
        raise BadInputError(f"a {trace.type} has no x and y to make a table of")
    size = max(len(values) for values in given.values() if values is not None)
    columns = {axis: np.arange(size) if values is None else values for axis, values in given.items()}
    return columns | _custom(trace, size)


def _grid(trace: Any) -> dict[str, Any]:
    """Row by row, as the grid is stored: z (rows, columns), x (columns,), y (rows,)."""
    z = values_of(trace.z)
    if z is None or not len(z):
        return {"x": [], "y": []}
    rows, columns = z.shape
    x, y = values_of(trace.x), values_of(trace.y)
    x = np.arange(columns) if x is None else x
    y = np.arange(rows) if y is None else y
    found = {"x": np.tile(x, rows), "y": np.repeat(y, columns), "z": z.reshape(-1)}
    return found | _custom(trace, rows * columns)


def _custom(trace: Any, size: int) -> dict[str, Any]:
    custom = values_of(getattr(trace, "customdata", None))
    if custom is None or custom.size == 0 or custom.size % size:
        return {}
    return {f"custom_{place}": column for place, column in enumerate(custom.reshape(size, -1).T)}


def values_of(values: Any) -> np.ndarray[Any, Any] | None:
    """An array from what a figure holds: numbers, texts, or plotly's binary form (base64 with dtype and shape)."""
    if values is None:
        return None
    if isinstance(values, dict):
        array = np.frombuffer(base64.b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]))
        shape = values.get("shape")
        return array.reshape([int(size) for size in str(shape).split(",")]) if shape else array
    return np.asarray(values)
