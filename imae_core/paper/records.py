"""What a published number is: where it stands, and under which protocol it was found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imae_core.analysis.comparison import METRICS
from imae_core.analysis.parameters import value_text
from imae_core.catalog import LOSSES, MODELS

DASH = "–"
NETS = {"cnn8": "8-layer CNN", "resnet34": "ResNet34", "resnet50": "ResNet50", "googlenet_v2": "GoogLeNet V2", "mlp": "MLP",
        "": DASH}  # fmt: skip
# what is published beside the metrics of a run
MORE_METRICS = {"map": "mAP", "cmc_1": "CMC-1", "weight_variance": "variance of the weight"}
REAL_NOISE = "real"
Params = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Setting:
    """One experiment: net, label noise and loss; names as in the catalog. `rate` is a fraction in [0, 1].

    `params` are the loss's parameters as far as they were published, `reduction` is "" where it was not.
    """

    net: str
    rate: float
    loss: str
    noise: str = "symmetric"
    params: Params = ()
    reduction: str = ""

    @property
    def net_title(self) -> str:
        if self.net in MODELS and self.net.startswith("resnet"):
            return f"ResNet{self.net.removeprefix('resnet')}"
        return NETS.get(self.net, self.net)

    @property
    def loss_title(self) -> str:
        """Such as "IMAE (T = 8, weight_sum)"."""
        said = [f"{name} = {value:g}" for name, value in self.params]
        said += [self.reduction] if self.reduction else []
        title = value_text("loss.name", self.loss) if self.loss in LOSSES else self.loss.upper().replace("_", "+")
        return title + (f" ({', '.join(said)})" if said else "")

    @property
    def noise_title(self) -> str:
        """Such as "symmetric 40 %"."""
        if not self.net:
            return DASH
        if self.noise == REAL_NOISE:
            return "real noise"
        return f"{self.noise.replace('_', ' ')} {100 * self.rate:g} %" if self.rate else "0 %"

    @property
    def task(self) -> tuple[str, str, float]:
        """What two settings must share for their losses to be put in order."""
        return (self.net, self.noise if self.rate else "", self.rate)


@dataclass(frozen=True)
class Claim:
    """An order that was published in words: `metric` rises along `settings`."""

    text: str
    metric: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class Table:
    """Published numbers of one version and one protocol; never to be mixed with another.

    `results` has for each setting its numbers by metric, in percent unless `unit` says otherwise.
    """

    name: str
    title: str
    version: str
    protocol: str
    dataset: str
    source: str
    results: Mapping[Setting, Mapping[str, float]]
    claims: tuple[Claim, ...] = ()
    note: str = ""
    unit: str = "percent"
    digits: int = 1

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those of a run first, in the order that tables of runs have."""
        found = {metric for row in self.results.values() for metric in row}
        return tuple(metric for metric in (*METRICS, *MORE_METRICS) if metric in found)

    def text(self, value: float | None) -> str:
        """With the digits that were published; a dash for None."""
        return DASH if value is None else f"{value:.{self.digits}f}"

    def records(self) -> Iterator[dict[str, Any]]:
        """One plain record a number, with everything that must be said of it."""
        for setting, numbers in self.results.items():
            for metric, value in numbers.items():
                yield {
                    "table": self.name,
                    "version": self.version,
                    "protocol": self.protocol,
                    "dataset": self.dataset,
                    "net": setting.net_title,
                    "noise": setting.noise,
                    "noise_rate": setting.rate,
                    "loss": setting.loss,
                    "params": dict(setting.params),
                    "reduction": setting.reduction or None,
                    "metric": metric,
                    "value": value,
                    "unit": self.unit,
                    "source": self.source,
                }


def metric_title(metric: str) -> str:
    """A metric's name for people."""
    return METRICS[metric].title if metric in METRICS else MORE_METRICS[metric]
