"""From decisions to labels: what each training example is called in the end."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from imae_core.errors import BadInputError, unknown_name
from imae_core.review.decisions import Review

RULES = ("keep", "drop", "relabel")


@dataclass(frozen=True)
class UnreviewedRule:
    """What happens to examples that nobody has reviewed: those ranked 1 to `num_suspects` get `action`, the others stay.

    `relabel` takes the suggestion. Whoever is reviewed, unsure ones too, is left to the reviewer.
    """

    action: str = "keep"
    num_suspects: int = 0

    def __post_init__(self) -> None:
        if self.action not in RULES:
            raise unknown_name("rule for unreviewed suspects", self.action, RULES)
        if self.num_suspects < 0:
            raise BadInputError(f"the number of suspects is 0 or more, got {self.num_suspects}")


KEEP_UNREVIEWED = UnreviewedRule()


def review_outcome(suspects: pd.DataFrame, review: Review, rule: UnreviewedRule = KEEP_UNREVIEWED) -> pd.DataFrame:
    """(N rows, those of `suspects`) what becomes of every training example.

    Args:
        suspects: index, given_label, suggested_label and rank (1 is the most suspicious) of every example.
        review: of one reviewer.
        rule: for what was not reviewed.

    Returns:
        index: as in `suspects`.
        decision: keep, relabel, drop, unsure, or unreviewed.
        decided_by: "reviewer", "rule", or "" where nobody did.
        final_label: int32, -1 for a dropped example. An unsure one keeps its given label.
    """
    index = suspects["index"].to_numpy()
    given = suspects["given_label"].to_numpy(dtype=np.int32)
    final = given.copy()
    decision = np.full(len(index), "unreviewed", dtype=object)
    decided_by = np.full(len(index), "", dtype=object)
    if rule.action != "keep":
        meant = suspects["rank"].to_numpy() <= rule.num_suspects
        suggested = suspects["suggested_label"].to_numpy(dtype=np.int32)
        changed = meant & (suggested != given) if rule.action == "relabel" else meant
        decision[changed], decided_by[changed] = rule.action, "rule"
        final[changed] = -1 if rule.action == "drop" else suggested[changed]
    places = pd.Index(index).get_indexer(list(review.decisions))
    for place, entry in zip(places, review.decisions.values(), strict=True):
        if place < 0:
            continue
        decision[place], decided_by[place] = entry.action, "reviewer"
        final[place] = {"drop": -1, "relabel": entry.label}.get(entry.action, given[place])
    columns = {"index": index, "decision": decision, "decided_by": decided_by, "final_label": final}
    return pd.DataFrame(columns, index=suspects.index)
