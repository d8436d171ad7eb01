"""The paper's experiments as lists of runs, at full length and scaled down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from imae_core.catalog import DATASETS, LOSSES, MODELS, NOISES, lookup
from imae_core.config import RunConfig
from imae_core.data.facts import dataset_facts, known_params
from imae_core.errors import BadInputError, unknown_name
from imae_core.paper import published
from imae_core.paper.records import Setting, Table
from imae_core.recipes import RECIPES, make_config
from imae_core.studies.study import Cell


@dataclass(frozen=True)
class Preset:
    """Experiments of one published table.

    `scaled_down` says what was made smaller ("" at full length): its numbers are not comparable with published ones.
    `stands_for` is the net whose published numbers are shown beside those of another net.
    """

    name: str
    title: str
    summary: str
    table: Table
    settings: tuple[Setting, ...]
    recipe: str
    dataset: str = "cifar10"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    model_params: Mapping[str, float] = field(default_factory=dict)
    reduction: str = "mean"
    scaled_down: str = ""
    stands_for: str = ""

    @property
    def group(self) -> str:
        """The name under which its runs are queued."""
        return f"paper-{self.name}"

    def published_setting(self, setting: Setting) -> Setting:
        """The setting of the table that a setting of this preset stands for."""
        return replace(setting, net=self.stands_for) if self.stands_for else setting

    def missing(self) -> list[str]:
        """What this program would need and does not have, in words."""
        needs: list[tuple[str, str, Mapping[str, Any]]] = [("recipe", self.recipe, RECIPES)]
        for setting in self.settings:
            needs += [
                ("net", setting.net, MODELS),
                ("loss", setting.loss, LOSSES),
                ("noise model", setting.noise, NOISES),
            ]
        return list(dict.fromkeys(f"{what} {name!r}" for what, name, known in needs if name not in known))


@dataclass(frozen=True)
class Experiment(Cell):
    """A run that carries out a setting of a preset."""

    setting: Setting = field(kw_only=True)


def experiments(
    home: Path,
    preset: Preset,
    *,
    dataset: str | None = None,
    seeds: Sequence[int] = (0,),
    device: str = "auto",
    only: Sequence[str] = (),
) -> list[Experiment]:
    """One experiment for each setting and seed, in the table's order.

    Args:
        dataset: a data set of this home that stands in for the official one.
        only: words such as "resnet20", "imae", "40" (percent of noise) or "T=8"; words of one kind are alternatives.

    Raises:
        BadInputError: this program lacks something, the stand-in has other pictures or classes, or `only` leaves nothing.
    """
    lacking = preset.missing()
    if lacking:
        raise BadInputError(
            f"preset {preset.name} needs the {', the '.join(lacking)}, which this program does not have"
        )
    name = dataset or preset.dataset
    _check_stand_in(home, preset, name)
    return [
        Experiment(_config(home, preset, setting, name, seed=seed, device=device), setting=setting)
        for setting in chosen_settings(preset, only)
        for seed in seeds
    ]


def suits(home: Path, preset: Preset, dataset: str) -> bool:
    """Whether a data set of this home has the inputs and classes of the preset's."""
    facts, official = dataset_facts(home, dataset), DATASETS[preset.dataset]
    return (facts.input_shape, facts.num_classes) == (official.shape, official.num_classes)


def _check_stand_in(home: Path, preset: Preset, dataset: str) -> None:
    if not suits(home, preset, dataset):
        facts, official = dataset_facts(home, dataset), DATASETS[preset.dataset]
        raise BadInputError(
            f"{dataset} cannot stand in for {official.title}: its inputs are {facts.input_shape} in {facts.num_classes} "
            f"classes, those of {official.title} {official.shape} in {official.num_classes}"
        )


def _config(home: Path, preset: Preset, setting: Setting, dataset: str, *, seed: int, device: str) -> RunConfig:
    facts = dataset_facts(home, dataset)
    # a stand-in takes the defaults and the classes of the data set that it stands in for
    params = LOSSES[setting.loss].defaults_for(preset.dataset) | dict(setting.params)
    known = known_params(setting.noise, dataset_facts(home, preset.dataset))
    return make_config(
        facts.name,
        facts.input_shape,
        facts.num_train,
        recipe=preset.recipe,
        model={"name": setting.net, "params": dict(preset.model_params)},
        loss={"name": setting.loss, "params": params, "reduction": setting.reduction or preset.reduction},
        noise={"kind": setting.noise, "rate": setting.rate, "params": known},
        seed=seed,
        device=device,
        **preset.overrides,
    )


def chosen_settings(preset: Preset, only: Sequence[str]) -> list[Setting]:
    """The settings that all kinds of words in `only` leave; BadInputError for a word that none has."""
    known: dict[str, str] = {word: kind for setting in preset.settings for kind, word in _words(setting)}
    wanted: dict[str, set[str]] = {}
    for word in only:
        if word not in known:
            raise unknown_name(f"word for preset {preset.name}", word, known)
        wanted.setdefault(known[word], set()).add(word)
    found = [
        setting
        for setting in preset.settings
        if all(words & {word for kind, word in _words(setting) if kind == one} for one, words in wanted.items())
    ]
    if not found:
        raise BadInputError(f"preset {preset.name} has no experiment with {' and '.join(only)}")
    return found


def _words(setting: Setting) -> list[tuple[str, str]]:
    words = [("net", setting.net), ("rate", f"{100 * setting.rate:g}"), ("loss", setting.loss)]
    words += [("reduction", setting.reduction)] if setting.reduction else []
    return words + [(name, f"{name}={value:g}") for name, value in setting.params]


def _of_net(table: Table, net: str, *rates: float) -> tuple[Setting, ...]:
    """The table's settings of a net, at some rates or all."""
    return tuple(one for one in table.results if one.net == net and (not rates or one.rate in rates))


# 30 epochs; about 4 minutes a run at 430 examples/s in training and 1,060 in evaluation, as measured for ResNet20 on two
# CPU cores
_SMALL = {"num_train": 2500, "iterations": 600, "eval_every": 10}
_SMALL_TEXT = "2,500 of 50,000 training examples and 600 of 64,000 steps"
_RESNET20 = _of_net(published.TABLE_6, "resnet20")

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "table6", "Table 6 of the final version", "CCE, MAE and IMAE (T = 8) with ResNet20 and ResNet56 on CIFAR-10 with 0, 40 and 80 % "
            "symmetric noise.", published.TABLE_6, tuple(published.TABLE_6.results), "he",
        ),
        Preset(
            "table2", "Table 2 of the August 2019 version", "CCE, MAE and IMAE (T = 8) with ResNet20 and ResNet32 on CIFAR-10 with 20, 50 and "
            "80 % symmetric noise.", published.TABLE_2, tuple(published.TABLE_2.results), "he",
        ),
        Preset(
            "cifar100_symmetric", "CIFAR-100, symmetric noise", "CCE, MAE and IMAE with ResNet44 by the authors' own recipe; IMAE's T is 6, 8, 8 and "
            "2 at 0, 20, 40 and 60 %, as in their logs.", published.CIFAR100_SYMMETRIC,
            tuple(published.CIFAR100_SYMMETRIC.results), "authors_cifar100", "cifar100", model_params={"projection": 1},
        ),
        Preset(
            "cifar100_asymmetric", "CIFAR-100, asymmetric noise", "CCE, MAE and IMAE with ResNet44 by the authors' own recipe; classes swap examples "
            "within their superclass. T and reduction were not published: T = 8 and weight_sum here.",
            published.CIFAR100_ASYMMETRIC, tuple(published.CIFAR100_ASYMMETRIC.results), "authors_cifar100", "cifar100",
            model_params={"projection": 1}, reduction="weight_sum",
        ),
        Preset(
            "authors_logs", "CIFAR-100, every row of the authors' logs", "Ten losses and reductions with ResNet44, GCE and DM among them, by the authors' own "
            "recipe.", published.AUTHORS_LOGS, tuple(published.AUTHORS_LOGS.results), "authors_cifar100", "cifar100",
            model_params={"projection": 1},
        ),
        Preset(
            "t_study", "What T does", "IMAE with T from 0 to 16, ResNet20, CIFAR-10 with 50 % symmetric noise.", published.T_STUDY,
            tuple(published.T_STUDY.results), "he",
        ),
        Preset(
            "figures", "The runs behind the figures", "The ResNet20 half of Table 6 at 40 and 80 % noise: accuracy against iterations, and p of "
            "clean and corrupted examples.", published.TABLE_6, _of_net(published.TABLE_6, "resnet20", 0.4, 0.8), "he",
        ),
        Preset(
            "cnn8", "8-layer CNN protocol", "CE, GCE, SCE and the normalised losses with an 8-layer CNN on CIFAR-10 with 0 to 80 % symmetric noise.",
            published.CNN8, tuple(published.CNN8.results), "apl_cnn8",
        ),
        Preset(
            "resnet34_elr", "ResNet34, ELR protocol", "CE, GCE, SCE and ELR with a ResNet34 on CIFAR-10 with 20 to 80 % symmetric noise, the true class "
            "included.", published.RESNET34_ELR, tuple(published.RESNET34_ELR.results), "elr_resnet34",
        ),
        Preset(
            "table6_small", "Table 6, scaled down for a CPU", "The ResNet20 half of Table 6, scaled down: about 40 minutes on two CPU cores. It shows "
            "orders, not the paper's numbers.", published.TABLE_6, _RESNET20, "he", overrides=_SMALL, scaled_down=_SMALL_TEXT,
        ),
        Preset(
            "t_study_small", "What T does, scaled down for a CPU", "IMAE with T from 0 to 16, scaled down: about 30 minutes on two CPU cores.",
            published.T_STUDY, tuple(published.T_STUDY.results), "he", overrides=_SMALL, scaled_down=_SMALL_TEXT,
        ),
        Preset(
            "digits", "The paper's experiment on digits", "CCE, MAE and IMAE (T = 8) with an MLP on 1,297 digits with 0, 40 and 80 % symmetric noise: "
            "under a minute on a CPU.", published.TABLE_6, tuple(replace(one, net="mlp") for one in _RESNET20), "small",
            "digits", scaled_down="digits and an MLP instead of CIFAR-10 and ResNet20", stands_for="resnet20",
        ),
    )
}  # fmt: skip


def preset_of(name: str) -> Preset:
    """BadInputError that lists the presets for an unknown name."""
    return lookup(PRESETS, name, "preset")  # type: ignore[no-any-return]
