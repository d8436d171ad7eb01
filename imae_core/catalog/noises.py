"""The noise models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imae_core.catalog.entry import Entry, OpenParameter, Parameter, TextParameter, by_name, lookup
from imae_core.errors import BadInputError


@dataclass(frozen=True)
class NoiseEntry(Entry):
    """A noise model.

    Attributes:
        uses_rate: whether the rate r is a choice of its own; else it follows from the parameters.
        changes_inputs: whether it changes inputs and keeps the labels.
        reads_inputs: whether the labels depend on the inputs, too.
        rate_help: what r is the probability of.
    """

    uses_rate: bool = True
    changes_inputs: bool = False
    reads_inputs: bool = False
    rate_help: str = "The probability r in the noise model's definition. 0 trains on the labels as they are."

    def validate(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """As of every entry, without what is left open."""
        return {name: value for name, value in super().validate(params).items() if value is not None}


@dataclass(frozen=True)
class ComponentsParameter(OpenParameter):
    """The parts of a mixture: mappings with `kind`, `share`, `rate` and maybe `params`."""

    def check(self, value: Any, owner: str) -> list[dict[str, Any]] | None:
        """Complete components; BadInputError names what is not allowed in which."""
        if value is None:
            return None
        if isinstance(value, str | Mapping) or not isinstance(value, Sequence) or not value:
            raise BadInputError(
                f"{owner}: {self.name} must be a list of parts such as "
                f'{{"kind": "symmetric", "share": 0.5, "rate": 0.4}}, got {value!r:.100}'
            )
        parts = [_component(part, f"{owner}: part {place}") for place, part in enumerate(value, 1)]
        total = sum(part["share"] for part in parts)
        if total > 1 + 1e-9:
            raise BadInputError(f"{owner}: the shares must sum to at most 1, got {total:g}")
        return parts


_PART = (
    Parameter("share", 0.5, 0.0, 1.0, 0.05, "Probability that an example is handed to this part.", ""),
    Parameter("rate", 0.4, 0.0, 1.0, 0.05, "Noise rate inside the part.", ""),
)


def _component(part: Any, owner: str) -> dict[str, Any]:
    if not isinstance(part, Mapping) or set(part) - {"kind", "share", "rate", "params"} or "kind" not in part:
        raise BadInputError(
            f"{owner} must have kind, share, rate and maybe params, and nothing else, got {part!r:.100}"
        )
    entry = lookup(NOISES, str(part["kind"]), "noise model")
    if entry.name == "mixture" or entry.changes_inputs:
        raise BadInputError(f"{owner}: {entry.name} cannot be part of a mixture; only models that change labels can")
    numbers = {p.name: p.check(part.get(p.name, p.default), owner) for p in _PART}
    if not entry.uses_rate:
        numbers["rate"] = 0.0
    return {"kind": entry.name, **numbers, "params": entry.validate(part.get("params") or {})}


_XIA = "Xia et al. 2020, arXiv 2006.07836"
_HENDRYCKS = "Hendrycks & Dietterich 2019, arXiv 1903.12261"
_OWN = "no standard definition; this one is ours"

NOISES: dict[str, NoiseEntry] = by_name(
    NoiseEntry("symmetric", "Symmetric", "With probability r a label becomes one of the other K-1 classes, all equally "
          "likely.", source="IMAE, arXiv 1903.12141; the true class is excluded"),
    NoiseEntry("symmetric_inclusive", "Symmetric, true class included", "With probability r a label is drawn from all K "
          "classes, so only r(1 - 1/K) of them really change.", source="DivideMix, ELR, GJS"),
    NoiseEntry("pairflip", "Pair flip", "With probability r class i becomes class i+1 (the last becomes the first).",
          source="Han et al. 2018, arXiv 1804.06872"),
    NoiseEntry("asymmetric", "Asymmetric", "With probability r a class becomes its look-alike (for CIFAR-10: truck → "
          "automobile, bird → airplane, deer → horse, cat ↔ dog). Classes without one stay clean.",
          (OpenParameter("mapping", "The look-alike of each class, or of those that move; default: the next class. "
                         "For CIFAR its own.", "Patrini et al. 2017"),),
          source="Patrini et al. 2017, arXiv 1609.03683; chosen from the clean labels"),
    NoiseEntry("superclass_swap", "Superclass swap", "In each superclass two classes, drawn from the noise seed, swap exactly "
          "the share r of their examples; all other classes stay clean (2r/5 of CIFAR-100's labels change). An exact "
          "share, not a coin for each example.",
          (OpenParameter("superclasses", "The superclass of each class, as K numbers. For CIFAR-100 its own.",
                         "Krizhevsky 2009"),),
          source="the IMAE authors' CIFAR-100 code; arXiv 1903.12141",
          rate_help="The exact share of their examples that two classes of each superclass swap."),
    NoiseEntry("legacy_block5", "Blocks of five (legacy)", "With probability r a class becomes the next of its block of five "
          "consecutive class numbers. Much public code calls this CIFAR-100's asymmetric noise; but its class numbers are "
          "alphabetical, so that only 6 of 100 classes stay in their superclass. For comparison with such numbers only.",
          source="public code for CIFAR-100, such as that of Ma et al. 2020 and Liu et al. 2020"),
    NoiseEntry("instance_dependent", "Instance-dependent", "Each example has a flip rate of its own, drawn from a normal "
          "distribution around r and cut to [0, 1]; which class it becomes depends on its inputs, by random projections: "
          "P = q softmax(x W), without the true class. Inputs are standardised per feature first.",
          (Parameter("deviation", 0.1, 0.0, 1.0, 0.05, "Standard deviation of the examples' flip rates.", _XIA),
           Parameter("sharpness", 1.0, 0.0, 10.0, 0.05, "Factor on x W before the softmax. At 1, as published, thousands of "
                     "features make it nearly certain which wrong class an example gets; 1/√(number of features) spreads "
                     "it over several.", f"1: {_XIA}", open_low=True)),
          source=_XIA, reads_inputs=True,
          rate_help="The mean flip rate before the cut to [0, 1]; close to 0 or 1 the realised rate is therefore off."),
    NoiseEntry("transition_matrix", "Transition matrix", "Your own matrix: row = true class, column = given class, each row "
          "sums to 1. The noise rate follows from it.",
          (OpenParameter("matrix", "K rows of K probabilities: row = true class, column = given class.", "yours"),),
          source="yours", uses_rate=False),
    NoiseEntry("mixture", "Mixture", "Several kinds of label noise, each on its own share of the examples: who is handed to "
          "which is drawn first, for each example by itself, and who is handed to none stays clean.",
          (ComponentsParameter("components", "Its parts: a kind, the share of the examples that is handed to it, and the noise "
                               "rate inside.", _OWN),),
          source=_OWN, uses_rate=False),
    NoiseEntry("open_set", "Open set", "With probability r an example's picture is replaced by one of another data set, and its "
          "label is kept: no label is right for it. Pictures are drawn without repetition while there are enough, and "
          "fitted to size and colour.",
          (TextParameter("source", "", "The data set whose training pictures come in. Choose one with other classes.",
                         "Wang et al. 2018, arXiv 1804.00092, use CIFAR-100 and ImageNet32 for CIFAR-10", 100),),
          source="Wang et al. 2018, arXiv 1804.00092; who is replaced is drawn example by example", changes_inputs=True,
          rate_help="The probability that an example's picture is replaced."),
    NoiseEntry("feature", "Feature noise", "With probability r an example's input is disturbed, by Gaussian noise or blur, and "
          "its label is kept: it is still right. The disturbance is drawn once, not anew in each epoch.",
          (TextParameter("method", "gaussian", "gaussian: noise is added to every pixel or feature. blur: pictures are blurred.",
                         _OWN, choices=("gaussian", "blur")),
           Parameter("sigma", 0.38, 0.0, 10.0, 0.02, "gaussian: standard deviation of the noise; for pictures in units of [0, 1] "
                     "(cut to that range afterwards), for tables in standard deviations of each feature.",
                     f"the strongest of {_HENDRYCKS}"),
           Parameter("radius", 1.0, 0.0, 50.0, 0.5, "blur: standard deviation of the Gaussian blur, in pixels.",
                     f"the weakest of {_HENDRYCKS}; made for larger pictures")),
          source=_OWN, changes_inputs=True, rate_help="The probability that an example's input is disturbed."),
)  # fmt: skip
