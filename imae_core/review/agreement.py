"""Several reviewers of one run: where they agree and where not."""

from collections.abc import Mapping

import pandas as pd

from imae_core.review.decisions import Entry, Review


def compare_reviews(reviews: Mapping[str, Review]) -> pd.DataFrame:
    """A row for each example that two or more have decided: index, a column a reviewer (None where not decided), agree.

    A decision reads "keep", "drop", "unsure", or "relabel to 3". Whoever is unsure agrees with everybody.
    """
    counted = pd.Series([index for review in reviews.values() for index in review.decisions], dtype="int64")
    tally = counted.value_counts()
    shared = sorted(int(index) for index in tally[tally > 1].index)
    rows = []
    for index in shared:
        entries = {name: review.decisions.get(index) for name, review in reviews.items()}
        words = {name: None if entry is None else decision_words(entry) for name, entry in entries.items()}
        firm = {word for word in words.values() if word not in (None, "unsure")}
        rows.append({"index": index, **words, "agree": len(firm) <= 1})
    return pd.DataFrame(rows, columns=["index", *reviews, "agree"])


def decision_words(entry: Entry) -> str:
    """'relabel to 3', or the action alone."""
    return f"relabel to {entry.label}" if entry.action == "relabel" else entry.action
