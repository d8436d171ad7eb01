"""Losses of one's own: a weighting curve as it is typed or drawn."""

from functools import partial

from imae_core.catalog.entry import LossEntry, Parameter, TableParameter, TextParameter
from imae_core.curves import check_weights

OWN_LOSSES = (
    LossEntry("formula", "Formula (your own)", "The weight as you type it: any formula in p that is nowhere negative.",
          (TextParameter("formula", "exp(T*p*(1-p)); T = 8", "The weight of an example: p is the probability of its given "
                         "label, q is 1 - p. + - * / ^, exp log sqrt abs min max sin cos tanh sigmoid clip, "
                         "where(p > 0.5, a, b); constants after semicolons.", "yours; starts as IMAE", 300),),
          "relative value", "any weighting curve defines a loss: DM, arXiv 1905.11233",
          check=partial(check_weights, "formula")),
    LossEntry("drawn", "Drawn curve (your own)", "The weight as you draw it: a curve through points.",
          (TableParameter("points", ((0, 1), (0.25, 4.5), (0.5, 7.4), (0.75, 4.5), (1, 1)), "2 to 50 rows of p and weight; p "
                          "rises from 0 to 1.", "yours; starts close to IMAE"),
           Parameter("smooth", 1, 0, 1, 1, "1: a smooth curve that is monotone between the points (PCHIP). 0: straight lines.",
                     "this project", integer=True)),
          "relative value", "any weighting curve defines a loss: DM, arXiv 1905.11233",
          check=partial(check_weights, "drawn")),
)  # fmt: skip
