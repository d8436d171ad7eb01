"""What becomes of each label."""

import pandas as pd
import pytest

from imae_core.errors import BadInputError
from imae_core.review import Entry, Review, UnreviewedRule, review_outcome

SUSPECTS = pd.DataFrame(
    {
        "index": [10, 11, 12, 13, 14, 15],
        "given_label": [0, 1, 2, 0, 1, 2],
        "suggested_label": [1, 2, 2, 2, 0, 0],
        "rank": [1, 2, 3, 4, 5, 6],
    }
)
REVIEW = Review(
    (
        Entry("a", 1, "keep", 10),
        Entry("a", 2, "relabel", 15, label=1),
        Entry("a", 3, "drop", 14),
        Entry("a", 4, "unsure", 13),
        Entry("a", 5, "drop", 99),
    )
)


def test_the_unreviewed_keep_their_labels():
    table = review_outcome(SUSPECTS, REVIEW)
    assert table["final_label"].tolist() == [0, 1, 2, 0, -1, 1]
    assert table["decision"].tolist() == ["keep", "unreviewed", "unreviewed", "unsure", "drop", "relabel"]
    assert table["decided_by"].tolist() == ["reviewer", "", "", "reviewer", "reviewer", "reviewer"]


@pytest.mark.parametrize(
    ("action", "final"),
    [("drop", [0, -1, -1, 0, -1, 1]), ("relabel", [0, 2, 2, 0, -1, 1]), ("keep", [0, 1, 2, 0, -1, 1])],
)
def test_a_rule_touches_unreviewed_suspects_alone(action, final):
    table = review_outcome(SUSPECTS, REVIEW, UnreviewedRule(action, 3))
    assert table["final_label"].tolist() == final


def test_a_suggestion_that_is_the_given_label_changes_nothing():
    table = review_outcome(SUSPECTS, Review(), UnreviewedRule("relabel", 3))
    assert table["decision"].tolist()[:3] == ["relabel", "relabel", "unreviewed"]


def test_order_of_the_ranking_does_not_matter():
    mixed = SUSPECTS.sample(frac=1, random_state=0)
    table = review_outcome(mixed, REVIEW, UnreviewedRule("drop", 2)).sort_values("index")
    pd.testing.assert_frame_equal(table, review_outcome(SUSPECTS, REVIEW, UnreviewedRule("drop", 2)))


def test_rules_that_are_none():
    with pytest.raises(BadInputError, match="burn"):
        UnreviewedRule("burn", 1)
    with pytest.raises(BadInputError, match="-1"):
        UnreviewedRule("drop", -1)
