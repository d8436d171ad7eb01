"""Studies that are ready to run."""

from collections.abc import Callable

from imae_core.catalog import LOSSES, lookup
from imae_core.studies.study import LossChoice, Study

_OF_ONES_OWN = ("formula", "drawn")  # they have no published definition


def digits_all_losses() -> Study:
    """Every published loss over the noise rates; digits are not augmented, so that GJS sees two equal views."""
    return Study(
        name="digits-all-losses",
        description="Every published loss with its defaults, on digits with symmetric label noise.",
        dataset="digits",
        noise_rates=(0.0, 0.2, 0.4, 0.6, 0.8),
        seeds=(0, 1, 2),
        losses=tuple(LossChoice(name=name) for name in LOSSES if name not in _OF_ONES_OWN),
        overrides={"device": "cpu"},
    )


def digits_sensitivity() -> Study:
    """What the order of CCE, MAE and IMAE owes to the recipe: one setting at a time is changed."""
    return Study(
        name="digits-sensitivity",
        description="CCE, MAE and IMAE on digits with 40 % symmetric noise; one setting of the recipe is changed at a time.",
        dataset="digits",
        noise_rates=(0.4,),
        seeds=(0, 1, 2),
        losses=tuple(LossChoice(name=name) for name in ("cce", "mae", "imae")),
        factors={
            "normalize": ("default", "standardize"),
            "loss.reduction": ("mean", "weight_sum"),
            "lr": (0.1, 0.03, 0.01),
            "sampler": ("shuffle", "class_balanced"),
        },
        design="one_at_a_time",
        overrides={"device": "cpu"},
    )


PRESETS: dict[str, Callable[[], Study]] = {
    "digits-all-losses": digits_all_losses,
    "digits-sensitivity": digits_sensitivity,
}


def preset(name: str) -> Study:
    """The study of that name; BadInputError lists the known ones."""
    build: Callable[[], Study] = lookup(PRESETS, name, "preset")
    return build()
