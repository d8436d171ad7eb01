"""What can be chosen: losses, noise models, models and built-in data sets, each with ranges, defaults, sources.

The command line, the pages and the validation of a configuration all read these records, so a choice is
described once. Nothing here imports torch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imae_core.errors import BadInputError, unknown_name


@dataclass(frozen=True)
class Parameter:
    """One number or switch of an entry; `low` and `high` are inclusive unless `open_low` / `open_high`."""

    name: str
    default: float
    low: float
    high: float
    step: float
    help: str
    source: str
    integer: bool = False
    open_low: bool = False
    open_high: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The range in interval notation, for messages."""
        left, right = "(" if self.open_low else "[", ")" if self.open_high else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"

    def check(self, value: Any, owner: str) -> float:
        """The value as a number of the right type; BadInputError if it is none or outside of the range."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise BadInputError(f"{owner}: {self.name} must be a number, got {value!r}") from None
        below = number <= self.low if self.open_low else number < self.low
        above = number >= self.high if self.open_high else number > self.high
        if not math.isfinite(number) or below or above:
            raise BadInputError(f"{owner}: {self.name} must be in {self.allowed}, got {value!r}")
        if self.integer:
            if number != int(number):
                raise BadInputError(f"{owner}: {self.name} must be a whole number, got {value!r}")
            return int(number)
        return number


@dataclass(frozen=True)
class Entry:
    """One thing to choose: a loss, a noise model, a model."""

    name: str
    title: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    formula: str = ""
    source: str = ""

    @property
    def defaults(self) -> dict[str, float]:
        return {parameter.name: parameter.default for parameter in self.parameters}

    def validate(self, params: Mapping[str, Any]) -> dict[str, float]:
        """All parameters with the given ones checked and put over the defaults, aliases resolved."""
        by_name = {name: p for p in self.parameters for name in (p.name, *p.aliases)}
        values = self.defaults
        for name, value in params.items():
            if name not in by_name:
                known = ", ".join(p.name for p in self.parameters) or "none"
                raise BadInputError(f"{self.name}: unknown parameter {name!r}; it takes: {known}")
            values[by_name[name].name] = by_name[name].check(value, self.name)
        return values


def lookup(entries: Mapping[str, Any], name: str, what: str) -> Any:
    """The entry of that name; BadInputError that lists the known names otherwise."""
    if name not in entries:
        raise unknown_name(what, name, entries)
    return entries[name]


def _by_name(*entries: Entry) -> dict[str, Entry]:
    return {entry.name: entry for entry in entries}


def _gce_q(default: float = 0.7) -> Parameter:
    return Parameter(
        "q", default, 0.0, 1.0, 0.05, "0 is cross entropy, 1 is half of MAE; between them the loss trades fit "
        "for robustness.", "Zhang & Sabuncu 2018, arXiv 1805.07836", open_low=True,
    )  # fmt: skip


_ZHOU = "Zhou et al. 2021, arXiv 2106.03110"

LOSSES: dict[str, Entry] = _by_name(
    Entry("cce", "CCE (cross entropy)", "The standard loss. It listens most to examples far from their label, "
          "where wrong labels live.", (), "-log p", "standard"),
    Entry("mae", "MAE (mean absolute error)", "Listens to uncertain examples, p near 0.5, but with so little "
          "contrast that it underfits.", (), "2(1 - p)", "Ghosh et al. 2017, arXiv 1712.09482"),
    Entry("mse", "MSE (squared error of p)", "Squared error of the given label's probability alone; not the "
          "Brier score.", (), "(1 - p)²", "DM paper, arXiv 1905.11233"),
    Entry("imae", "IMAE", "MAE's emphasis on uncertain examples, with a contrast that T controls.",
          (Parameter("T", 8.0, 0.0, 64.0, 0.5, "Contrast: how much more an uncertain example (p = 0.5) weighs than "
                     "a certain one, exp(T/4) times. 0 gives every example weight 1.", "arXiv 1903.12141, T = 8"),),
          "relative value", "arXiv 1903.12141"),
    Entry("dm", "DM (derivative manipulation)", "IMAE with a movable peak: most weight at p = λ/(λ+1).",
          (Parameter("lam", 0.5, 0.0, 10.0, 0.1, "λ: where the peak is, at p = λ/(λ+1); 1 is IMAE.",
                     "arXiv 1905.11233", aliases=("lambda", "lambda_"), open_low=True),
           Parameter("beta", 8.0, 0.0, 64.0, 0.5, "β: the contrast, as T of IMAE.", "arXiv 1905.11233")),
          "relative value", "arXiv 1905.11233"),
    Entry("gce", "GCE (generalised cross entropy)", "Between cross entropy (q → 0) and MAE (q = 1).",
          (_gce_q(),), "(1 - p^q)/q", "Zhang & Sabuncu 2018, arXiv 1805.07836"),
    Entry("truncated_gce", "Truncated GCE", "GCE that, after a warm-up, ignores examples with p ≤ k.",
          (_gce_q(),
           Parameter("k", 0.5, 0.0, 1.0, 0.05, "Examples with p ≤ k get no weight.", "arXiv 1805.07836",
                     open_high=True),
           Parameter("start", 1 / 3, 0.0, 1.0, 0.05, "Share of training with plain GCE before truncation starts: at "
                     "the beginning every p is below k.", "public code: epoch 40 of 120")),
          "GCE, constant for p ≤ k", "Zhang & Sabuncu 2018, arXiv 1805.07836"),
    Entry("rce", "RCE (reverse cross entropy)", "Proportional to MAE: 9.21 (1 - p), from log 0 clipped to log 1e-4.",
          (), "9.21 (1 - p)", "Wang et al. 2019, arXiv 1908.06112; clip as in its code"),
    Entry("sce", "SCE (symmetric cross entropy)", "A little cross entropy for fit, reverse cross entropy for robustness.",
          (Parameter("alpha", 0.1, 0.0, 100.0, 0.1, "α: share of cross entropy (CIFAR-10 0.1, CIFAR-100 6).",
                     "arXiv 1908.06112"),
           Parameter("beta", 1.0, 0.0, 100.0, 0.1, "β: share of reverse cross entropy (CIFAR-10 1, CIFAR-100 0.1).",
                     "arXiv 1908.06112")),
          "α CE + β RCE", "Wang et al. 2019, arXiv 1908.06112"),
    Entry("focal", "Focal loss", "Listens even more than cross entropy to examples far from their label.",
          (Parameter("gamma", 0.5, 0.0, 10.0, 0.1, "γ: 0 is cross entropy; larger values ignore fitted examples more.",
                     "Lin et al. 2017, arXiv 1708.02002; 0.5 in APL's comparisons"),),
          "-(1 - p)^γ log p", "Lin et al. 2017, arXiv 1708.02002"),
    Entry("taylor_ce", "Taylor cross entropy", "The first t terms of cross entropy's Taylor series; t = 1 is half of MAE.",
          (Parameter("t", 2, 1, 50, 1, "Number of terms; more terms come closer to cross entropy.",
                     "Feng et al. 2020 (IJCAI); the default is from memory", integer=True),),
          "Σ (1 - p)^i / i, i ≤ t", "Feng et al. 2020 (IJCAI)"),
    Entry("agce", "AGCE (asymmetric GCE)", "An asymmetric loss between GCE and the unhinged loss.",
          (Parameter("a", 0.6, 0.0, 20.0, 0.1, "Shift of p; larger values flatten the curve towards MAE.", _ZHOU,
                     open_low=True),
           Parameter("q", 0.6, 0.0, 10.0, 0.1, "Exponent of a + p; 1 is half of MAE.", _ZHOU, open_low=True)),
          "((a+1)^q - (a+p)^q)/q", _ZHOU),
    Entry("aul", "AUL (asymmetric unhinged)", "An asymmetric loss that leans to small p.",
          (Parameter("a", 5.5, 1.0, 50.0, 0.1, "Shift; close to 1 leans strongly to small p.", _ZHOU, open_low=True),
           Parameter("q", 3.0, 0.0, 10.0, 0.1, "Exponent of a - p; 1 is half of MAE.", _ZHOU, open_low=True)),
          "((a-p)^q - (a-1)^q)/q", _ZHOU),
    Entry("ael", "AEL (asymmetric exponential)", "An asymmetric loss, exp(-p/a).",
          (Parameter("a", 2.5, 0.0, 50.0, 0.1, "Scale of p; small values lean to small p.", _ZHOU, open_low=True),),
          "exp(-p/a)", _ZHOU),
    Entry("js", "JS (Jensen-Shannon)", "Jensen-Shannon divergence between label and prediction.",
          (Parameter("pi1", 0.7, 0.0, 1.0, 0.05, "π₁: near 0 is cross entropy, near 1 is MAE (CIFAR-10 at 20/40/60/80 % "
                     "noise: .7/.7/.9/.9).", "Englesson & Azizpour 2021, arXiv 2105.04522", open_low=True,
                     open_high=True),),
          "[π₁ KL(e‖m) + π₂ KL(p‖m)]/Z", "Englesson & Azizpour 2021, arXiv 2105.04522"),
)  # fmt: skip

NOISES: dict[str, Entry] = _by_name(
    Entry("symmetric", "Symmetric", "With probability r a label becomes one of the other K-1 classes, all equally likely.",
          source="IMAE, arXiv 1903.12141; the true class is excluded"),
    Entry("symmetric_inclusive", "Symmetric, true class included", "With probability r a label is drawn from all K "
          "classes, so only r(1 - 1/K) of them really change.", source="DivideMix, ELR, GJS"),
    Entry("pairflip", "Pair flip", "With probability r class i becomes class i+1 (the last becomes the first).",
          source="Han et al. 2018, arXiv 1804.06872"),
    Entry("asymmetric", "Asymmetric", "With probability r a class becomes its look-alike (for CIFAR-10: truck → automobile, "
          "bird → airplane, deer → horse, cat ↔ dog). Classes without one stay clean.",
          source="Patrini et al. 2017, arXiv 1609.03683; chosen from the clean labels"),
    Entry("transition_matrix", "Transition matrix", "Your own matrix: row = true class, column = given class, each row "
          "sums to 1. The noise rate follows from it.", source="yours"),
)  # fmt: skip

MODELS: dict[str, Entry] = _by_name(
    Entry("mlp", "MLP", "Two hidden layers of 256: seconds on a CPU; for digits and tables.",
          (Parameter("hidden", 256, 1, 8192, 1, "Width of the two hidden layers.", "design", integer=True),)),
    Entry("small_cnn", "Small CNN", "Three convolutions: minutes on a CPU; for quick looks at pictures.",
          (Parameter("width", 32, 1, 512, 1, "Channels of the first convolution; they double twice.", "design",
                     integer=True),)),
    *(Entry(f"resnet{depth}", f"ResNet-{depth} (CIFAR)", f"He et al.'s CIFAR net, {size} M parameters; made for a GPU.",
            (Parameter("projection", 0, 0, 1, 1, "0: parameter-free shortcuts (He's option A). 1: 1×1 convolution and "
                       "batch norm (the authors' CIFAR-100 code).", "He et al. 2016, arXiv 1512.03385", integer=True),),
            source="He et al. 2016, arXiv 1512.03385")
      for depth, size in ((20, "0.27"), (32, "0.46"), (44, "0.66"), (56, "0.85"))),
)  # fmt: skip


@dataclass(frozen=True)
class BuiltinDataset:
    """A data set that needs no upload. `shape` is (channels, height, width); `mapping` is for asymmetric noise."""

    name: str
    title: str
    summary: str
    shape: tuple[int, int, int]
    num_classes: int
    num_train: int
    num_test: int
    download_bytes: int
    files: str
    source: str
    mapping: tuple[int, ...] | None = None


def _mapping(num_classes: int, moves: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(moves.get(label, label) for label in range(num_classes))


# fine class -> superclass, in torchvision's (alphabetical) order of the fine classes
_CIFAR100_SUPERCLASS = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3, 15, 0, 11, 1, 10,
    12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16,
    12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14,
    13,
)  # fmt: skip


def _next_in_superclass() -> tuple[int, ...]:
    members: dict[int, list[int]] = {}
    for fine, superclass in enumerate(_CIFAR100_SUPERCLASS):
        members.setdefault(superclass, []).append(fine)
    following = {
        fine: group[(place + 1) % len(group)] for group in members.values() for place, fine in enumerate(group)
    }
    return _mapping(100, following)


DATASETS: dict[str, BuiltinDataset] = {
    entry.name: entry
    for entry in (
        BuiltinDataset("digits", "Digits", "1,797 handwritten digits of 8×8 pixels, built in: no download, seconds a run.",
                       (1, 8, 8), 10, 1297, 500, 0, "", "UCI optical digits, as in scikit-learn"),
        BuiltinDataset("cifar10", "CIFAR-10", "60,000 colour pictures of 32×32 pixels in 10 classes.", (3, 32, 32), 10,
                       50_000, 10_000, 170_498_071, "cifar-10-python.tar.gz", "Krizhevsky 2009",
                       _mapping(10, {9: 1, 2: 0, 4: 7, 3: 5, 5: 3})),
        BuiltinDataset("cifar100", "CIFAR-100", "60,000 colour pictures of 32×32 pixels in 100 classes.", (3, 32, 32),
                       100, 50_000, 10_000, 169_001_437, "cifar-100-python.tar.gz", "Krizhevsky 2009",
                       _next_in_superclass()),
        BuiltinDataset("mnist", "MNIST", "70,000 handwritten digits of 28×28 pixels.", (1, 28, 28), 10, 60_000, 10_000,
                       11_594_722, "MNIST/raw/*-ubyte.gz", "LeCun et al. 1998"),
        BuiltinDataset("fashion_mnist", "Fashion-MNIST", "70,000 pictures of clothes of 28×28 pixels in 10 classes.",
                       (1, 28, 28), 10, 60_000, 10_000, 30_878_645, "FashionMNIST/raw/*-ubyte.gz", "Xiao et al. 2017"),
        BuiltinDataset("svhn", "SVHN", "99,289 house-number digits of 32×32 pixels.", (3, 32, 32), 10, 73_257, 26_032,
                       246_345_270, "train_32x32.mat, test_32x32.mat", "Netzer et al. 2011"),
    )
}  # fmt: skip
