"""What a view says, in plain words."""

from imae_core.analysis.weights import WeightShare


def percent(fraction: float) -> str:
    """A fraction for people: 0.234 is '23 %'; small ones keep a digit."""
    value = 100 * fraction
    return f"{value:.1f} %" if 0 < value < 9.95 else f"{value:.0f} %"


def attention_sentence(now: WeightShare, first: WeightShare | None = None, first_epoch: int = 1) -> str:
    """ "Corrupted examples are 40 % of the data and get 23 % of the gradient; at epoch 1 it was 45 %." """
    if now.num_examples == 0:
        return "No example was seen in this epoch."
    if now.num_corrupted == 0:
        return "No label of this run is known to be corrupted, so there is nothing to compare with the clean ones."
    if now.weight_share != now.weight_share:
        return "No example gets any weight in this epoch: the loss has stopped listening."
    text = f"Corrupted examples are {percent(now.data_share)} of the data and get {percent(now.weight_share)} of the gradient"
    if first is not None and first.weight_share == first.weight_share:
        text += f"; at epoch {first_epoch} it was {percent(first.weight_share)}"
    return text + "."
