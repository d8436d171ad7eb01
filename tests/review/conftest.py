"""A run of made-up numbers, and its ranking."""

import numpy as np
import pytest

from imae_core.runs.export import example_table
from tests.runs.folders import made_up_run


def ranked(folder):
    """What `suspects_table` gives, from the run's own table alone."""
    table = example_table(folder)
    score = 1.0 - table["mean_p_label"]
    return table[["index", "given_label", "true_label", "is_corrupted", "predicted"]].assign(
        suggested_label=(table["given_label"] + 9) % 10,
        confidence=score,
        suspicion=score,
        rank=score.rank(ascending=False, method="first").astype(np.int64),
    )


@pytest.fixture
def folder(home):
    return made_up_run(home, rows=60)[1]
