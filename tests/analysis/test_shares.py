"""The share of the gradient over epochs, by hand."""

import numpy as np
import pandas as pd

from imae_core.analysis.shares import share_course


def rows(*entries):
    names = ("epoch", "quantity", "population", "total", "counts")
    return pd.DataFrame([dict(zip(names, entry, strict=True)) for entry in entries]).assign(median=0.5)


def test_shares_by_hand():
    table = rows(
        (1, "weight", "clean", 6.0, np.array([3, 3])),
        (1, "weight", "corrupted", 2.0, np.array([2, 0])),
        (1, "p_label", "clean", 99.0, np.array([6])),
        (2, "weight", "clean", 0.0, np.array([6, 0])),
        (2, "weight", "corrupted", 0.0, np.array([2, 0])),
    )
    course = share_course(table)
    assert course["epoch"].tolist() == [1, 2]
    np.testing.assert_allclose(course["data_share"], [0.25, 0.25])
    np.testing.assert_allclose(course["weight_share"], [0.25, np.nan])


def test_no_share_where_no_label_is_known_to_be_wrong():
    assert share_course(rows((1, "weight", "all", 1.0, np.array([1])))).empty
    nothing = rows((1, "weight", "clean", 1.0, np.array([1])), (1, "weight", "corrupted", 0.0, np.array([0])))
    assert share_course(nothing).empty
