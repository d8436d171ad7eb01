"""The table behind every kind of figure holds the numbers that were drawn."""

import inspect

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from imae_core.errors import BadInputError
from ui import figures
from ui.figure_data import figure_table, values_of

EPOCHS = pd.DataFrame({"epoch": [1, 2, 3], "test_accuracy": [0.5, np.nan, 0.9]})
EXAMPLE = pd.DataFrame({"epoch": [1, 2], "p_label": [0.25, 0.5], "p_true": [0.75, 0.5], "weight": [1.5, 2.0]})
COURSE = pd.DataFrame(
    {"epoch": [1, 1], "population": ["clean", "corrupted"], "p_label": [0.8, 0.2], "weight": [1.0, 3.0]}
)
MATRIX = np.array([[0.9, 0.1], [0.25, 0.75]])
KINDS = {
    "weighting_curves": figures.weighting_curves({"CCE": np.array([2.0, 0.0])}, np.array([0.0, 1.0])),
    "accuracy_curves": figures.accuracy_curves({"one": EPOCHS}, "test_accuracy"),
    "transition_heatmap": figures.transition_heatmap(MATRIX, ["cat", "dog"], "T"),
    "class_balance": figures.class_balance(np.array([7, 3]), ["cat", "dog"]),
    "example_trajectory": figures.example_trajectory(EXAMPLE, 1),
    "label_matrix": figures.label_matrix(np.array([[9, 1], [1, 3]]), MATRIX, ["cat", "dog"], "true", "given"),
    "mean_course": figures.mean_course(COURSE, 1),
}


def rows(figure, *columns):
    return figure_table(figure)[list(columns)].to_numpy().tolist()


def test_no_kind_of_figure_is_forgotten():
    made = {
        name
        for name, function in inspect.getmembers(figures, inspect.isfunction)
        if not name.startswith("_") and name != "finish" and function.__module__ == "ui.figures"
    }
    assert made == set(KINDS)


def test_lines_and_bars():
    assert rows(KINDS["weighting_curves"], "trace", "x", "y") == [["CCE", 0.0, 2.0], ["CCE", 1.0, 0.0]]
    assert rows(KINDS["accuracy_curves"], "x", "y") == [[1, 50.0], [3, 90.0]]
    assert rows(KINDS["class_balance"], "trace", "x", "y") == [["bar 1", "cat", 7], ["bar 1", "dog", 3]]
    assert ["weight (right)", 2, 2.0] in rows(KINDS["example_trajectory"], "trace", "x", "y")
    assert rows(KINDS["mean_course"], "trace", "y")[-1] == ["corrupted: weight (right)", 3.0]


def test_grids_are_unrolled_with_what_they_carry():
    table = figure_table(KINDS["transition_heatmap"])
    cell = table[(table["y"] == "0 cat") & (table["x"] == "1 dog")]
    assert cell["z"].tolist() == [10.0]
    table = figure_table(KINDS["label_matrix"])
    cell = table[(table["y"] == "1 dog") & (table["x"] == "0 cat")]
    assert cell[["z", "custom_0"]].to_numpy().tolist() == [[25.0, 1]]
    deep = go.Heatmap(z=[[1, 2, 3]], customdata=np.arange(6).reshape(1, 3, 2))
    assert rows(go.Figure(deep), "x", "y", "z", "custom_0", "custom_1")[2] == [2, 0, 3, 4, 5]


@pytest.mark.parametrize("name", KINDS)
def test_plotlys_binary_form_gives_the_same_table(name):
    """As a figure is sent to a browser: arrays as base64."""
    sent = go.Figure(KINDS[name].to_dict(), skip_invalid=True)
    pd.testing.assert_frame_equal(figure_table(sent), figure_table(KINDS[name]), check_dtype=False)


def test_binary_arrays_by_hand():
    assert values_of({"dtype": "i2", "bdata": "AQACAAMABAA="}).tolist() == [1, 2, 3, 4]
    assert values_of({"dtype": "i2", "bdata": "AQACAAMABAA=", "shape": "2, 2"}).tolist() == [[1, 2], [3, 4]]


def test_nothing_and_the_unknown():
    assert figure_table(go.Figure()).columns.tolist() == ["trace", "x", "y"]
    assert figure_table(go.Figure(go.Scatter())).empty
    assert rows(go.Figure(go.Scatter(y=[5, 6])), "x", "y") == [[0, 5], [1, 6]]
    with pytest.raises(BadInputError, match="a pie has no x and y"):
        figure_table(go.Figure(go.Pie(values=[1])))
