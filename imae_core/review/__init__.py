"""Going through suspicious labels: what a reviewer decided, what follows from it, and the data set without the errors."""

from imae_core.review.decisions import ACTIONS, Entry, Review
from imae_core.review.journal import Journal, list_reviewers
from imae_core.review.outcome import KEEP_UNREVIEWED, UnreviewedRule, review_outcome

__all__ = [
    "ACTIONS",
    "KEEP_UNREVIEWED",
    "Entry",
    "Journal",
    "Review",
    "UnreviewedRule",
    "list_reviewers",
    "review_outcome",
]
