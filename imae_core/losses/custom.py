"""Losses of one's own: a weighting curve typed as a formula, or drawn through points. Their value is relative."""

from imae_core.losses.named import NamedCurveLoss


class FormulaLoss(NamedCurveLoss):
    """The weight typed as a formula in p: `FormulaLoss(formula="exp(8*p*(1-p))")` is IMAE (imae_core/formula.py).

    Where the formula jumps, the reported value is an approximation; the gradient is not.
    """

    name = "formula"


class DrawnLoss(NamedCurveLoss):
    """The weight drawn: `DrawnLoss(points=[[0, 1], [0.5, 7.4], [1, 1]])`, smooth or straight (imae_core/drawn.py)."""

    name = "drawn"
