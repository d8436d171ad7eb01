"""What the views of Inspect compute: neighbours, matrices, the data map."""

import numpy as np
import pandas as pd

from imae_core.analysis.data_map import data_map, density, inside, stratified_sample
from imae_core.analysis.histograms import binned, quantities, quantity_edges
from imae_core.analysis.matrices import count_matrix, row_shares
from imae_core.analysis.neighbours import nearest


def test_nearest_by_cosine_and_never_oneself():
    embeddings = np.array([[1, 0], [5, 0.1], [0, 1], [-1, 0], [0.9, 0.5], [0, 0]], dtype=np.float16)
    rows, cosine = nearest(embeddings, 0, 3)
    assert rows.tolist()[:2] == [1, 4]
    np.testing.assert_allclose(cosine[0], 5 / np.hypot(5, 0.1), rtol=1e-3)
    assert nearest(embeddings[:1], 0)[0].tolist() == []
    assert len(nearest(embeddings, 2, 50)[0]) == 5


def test_matrices_count_pairs_and_leave_the_unknown_out():
    matrix = count_matrix([0, 0, 1, -1, 1], [0, 1, 1, 0, 7], 2)
    assert matrix.tolist() == [[1, 1], [0, 1]]
    np.testing.assert_allclose(row_shares([[1, 3], [0, 0]]), [[0.25, 0.75], [0, 0]])


def test_a_polygon_holds_what_is_in_it():
    rng = np.random.default_rng(0)
    x, y = rng.random(500), rng.random(500)
    triangle = ([0, 1, 0], [0, 0, 1])
    assert (inside(*triangle, x, y) == (x + y < 1)).all()
    notched = ([0, 1, 1, 0.5, 0], [0, 0, 1, 0.5, 1])
    assert (inside(*notched, x, y) == ~((y > x) & (y > 1 - x))).all()
    assert not inside([0, 1], [0, 1], x, y).any()


def test_a_sample_keeps_small_groups():
    groups = np.array([0] * 9_900 + [1] * 100)
    rows = stratified_sample(groups, 1_000)
    assert (groups[rows] == 1).sum() == 50
    assert (groups[rows] == 0).sum() == 990
    assert (np.diff(rows) > 0).all()
    assert stratified_sample(groups, 20_000).tolist() == list(range(10_000))


def test_the_data_map_by_hand():
    table = pd.DataFrame({"mean_p_label": [0.5], "variance_p_label": [0.04], "num_correct": [3], "num_epochs": [4]})
    assert data_map(table).round(6).to_dict("records") == [{"confidence": 0.5, "variability": 0.2, "correctness": 0.75}]
    counts, x, y = density([0.1, 0.1, np.nan], [0.9, 0.9, 0.5], bins=10)
    assert counts.sum() == 2
    assert counts[8:, :3].sum() == 2, "rows are y, columns x"
    assert len(x) == len(y) == 10


def test_binned_values():
    edges = quantity_edges(2.0)
    columns = {"weight": [0.0, 2.5, np.nan], "p_label": [0.0, 1.0, 0.5], "margin": [-99.0, 0.0, 99.0]}
    values = quantities(columns)
    np.testing.assert_allclose(values["loss"][1:], [0, np.log(2)])
    assert np.isfinite(values["loss"][0]), "p = 0 has a finite loss"
    weight = binned(values["weight"], edges["weight"])
    assert (weight.counts[0], weight.counts[-1], weight.counts.sum()) == (1, 1, 2)
    assert (weight.median, weight.total) == (1.25, 2.5)
    assert binned(values["margin"], edges["margin"]).counts[[0, -1]].tolist() == [1, 1]
