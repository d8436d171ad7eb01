"""What a study is: losses x noise rates x seeds, and maybe other settings that vary, written down before anything runs."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from imae_core.catalog import LOSSES, NOISES, TableParameter, lookup
from imae_core.config import RunConfig, describe_problems
from imae_core.data.facts import DatasetFacts, known_params
from imae_core.errors import BadInputError, FormatVersionError, unknown_name
from imae_core.recipes import RECIPES, default_recipe, make_config

FORMAT_VERSION = 1
MOST_CELLS = 20_000
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
# what the study itself says; everything else of a RunConfig may be a factor
_OWN = {"format_version", "dataset", "noise", "loss", "seed"}
FACTORS = (
    "recipe", "loss.reduction", "loss.max_log_odds", *(name for name in RunConfig.model_fields if name not in _OWN)
)  # fmt: skip


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LossChoice(_Frozen):
    """A loss; a list of values for a parameter stands for one loss each (tables are single values)."""

    name: str
    params: dict[str, Any] = {}

    @model_validator(mode="after")
    def _known(self) -> "LossChoice":
        for params in self.variants():
            lookup(LOSSES, self.name, "loss").validate_given(params)
        return self

    def variants(self) -> Iterator[dict[str, Any]]:
        """The parameters of each loss that this stands for, in the order of the values."""
        tables = {p.name for p in lookup(LOSSES, self.name, "loss").parameters if isinstance(p, TableParameter)}
        lists = [
            list(value) if isinstance(value, list | tuple) and name not in tables else [value]
            for name, value in self.params.items()
        ]
        for values in itertools.product(*lists):
            yield dict(zip(self.params, values, strict=True))


@dataclass(frozen=True)
class Cell:
    """One run of a study; `factors` holds the value of every setting that varies, also where it is the usual one."""

    config: RunConfig
    factors: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return config_key(self.config)


class Study(_Frozen):
    """Losses x noise rates x seeds x factors on one data set.

    design: `product` runs every combination of the factors' values; `one_at_a_time` varies one factor and leaves the others
        at what recipe and overrides say.
    overrides: settings of every run, by the names of FACTORS.
    max_hours: hours of machine time after which no further run is started; None for no limit.
    """

    format_version: int = FORMAT_VERSION
    name: str = Field(pattern=f"^{NAME.pattern}$")
    description: str = Field(default="", max_length=2000)
    dataset: str = Field(min_length=1)
    noise: str = "symmetric"
    noise_params: dict[str, Any] = {}
    noise_rates: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (0.4,)
    seeds: tuple[int, ...] = (0,)
    losses: tuple[LossChoice, ...]
    factors: dict[str, tuple[Any, ...]] = {}
    design: Literal["product", "one_at_a_time"] = "product"
    recipe: str | None = None
    overrides: dict[str, Any] = {}
    on_gpu: bool = Field(default=False, description="which default recipe and net are meant")
    max_hours: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, values: Any) -> Any:
        version = values.get("format_version", FORMAT_VERSION) if isinstance(values, dict) else None
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise FormatVersionError(
                f"this study has format version {version}, but this program reads up to {FORMAT_VERSION}; update the program"
            )
        return values

    @field_validator("noise_rates", "seeds", "losses")
    @classmethod
    def _some_distinct(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        distinct: list[Any] = []
        for value in values:
            if value not in distinct:
                distinct.append(value)
        if not distinct:
            raise ValueError("give at least one")
        return tuple(distinct)

    @field_validator("factors", "overrides")
    @classmethod
    def _known_settings(cls, values: dict[str, Any]) -> dict[str, Any]:
        for name in values:
            if name not in FACTORS:
                raise unknown_name("setting", name, FACTORS)
        return values

    @model_validator(mode="after")
    def _consistent(self) -> "Study":
        lookup(NOISES, self.noise, "noise model")
        if any(seed < 0 for seed in self.seeds):
            raise ValueError(f"seeds must be 0 or more, got {list(self.seeds)}")
        for recipe in (self.recipe, self.overrides.get("recipe"), *self.factors.get("recipe", ())):
            if recipe is not None:
                lookup(RECIPES, recipe, "recipe")
        for name, options in self.factors.items():
            if not options:
                raise ValueError(f"factor {name} has no value")
        if self.noise == "transition_matrix" and len(self.noise_rates) > 1:
            raise ValueError("a transition matrix has no rate; give one noise rate, 0")
        return self

    def expand(self, facts: DatasetFacts) -> list[Cell]:
        """Every run once, in an order in which partial results are comparable: all of the first seed, then of the next.

        Within a seed a noise rate is finished for all losses before the next one begins. Raises BadInputError if a value is
        not allowed, or for more than MOST_CELLS runs.
        """
        cells: dict[str, Cell] = {}
        losses = [(loss.name, params) for loss in self.losses for params in loss.variants()]
        settings = list(self._settings(facts))
        number = len(losses) * len(settings) * len(self.noise_rates) * len(self.seeds)
        if number > MOST_CELLS:
            raise BadInputError(f"study {self.name} has {number:,} runs, more than {MOST_CELLS:,}; give fewer values")
        for seed, factors, rate, (loss, params) in itertools.product(self.seeds, settings, self.noise_rates, losses):
            cell = Cell(self._config(facts, loss, params, rate, seed, factors), factors)
            cells.setdefault(cell.key, cell)
        return list(cells.values())

    def _settings(self, facts: DatasetFacts) -> Iterator[dict[str, Any]]:
        """The factors' values of each variant, the usual one first."""
        if self.design == "product":
            for values in itertools.product(*self.factors.values()):
                yield dict(zip(self.factors, values, strict=True))
            return
        usual = {name: self._usual(facts, name) for name in self.factors}
        yield usual
        for name, values in self.factors.items():
            for value in values:
                if value != usual[name]:
                    yield usual | {name: value}

    def _usual(self, facts: DatasetFacts, name: str) -> Any:
        """What a setting is where no factor changes it."""
        if name == "recipe":
            return self.recipe or default_recipe(facts.input_shape, self.on_gpu)
        first = self.losses[0]
        config = self._config(facts, first.name, next(first.variants()), self.noise_rates[0], self.seeds[0], {})
        if name == "model":
            return self.overrides.get("model", config.model.name)
        value = config.model_dump(mode="json")
        for part in name.split("."):
            value = value[part]
        return value

    def _config(
        self, facts: DatasetFacts, loss: str, params: Mapping[str, Any], rate: float, seed: int, factors: Mapping[str, Any]
    ) -> RunConfig:  # fmt: skip
        chosen: dict[str, Any] = {"recipe": self.recipe, **self.overrides, **factors}
        of_loss = {name.removeprefix("loss."): chosen.pop(name) for name in list(chosen) if name.startswith("loss.")}
        self._complete_sampler(facts, chosen)
        noise_params = known_params(self.noise, facts) | self.noise_params
        return make_config(
            self.dataset, facts.input_shape, facts.num_train, on_gpu=self.on_gpu, seed=seed,
            loss={"name": loss, "params": params, **of_loss},
            noise={"kind": self.noise, "rate": rate, "params": noise_params},
            **chosen,
        )  # fmt: skip

    def _complete_sampler(self, facts: DatasetFacts, chosen: dict[str, Any]) -> None:
        """Class-balanced batches take as many classes as can share a batch evenly, unless the study or the recipe says how many."""
        if chosen.get("sampler", "class_balanced") != "class_balanced":
            chosen.pop("classes_per_batch", None)
        values = dict(RECIPES[chosen.get("recipe") or default_recipe(facts.input_shape, self.on_gpu)].values) | chosen
        if values.get("sampler") == "class_balanced" and values.get("classes_per_batch") is None:
            size = int(values["batch_size"])
            chosen["classes_per_batch"] = max(
                number for number in range(1, facts.num_classes + 1) if size % number == 0
            )

    def widened(self, more: Mapping[str, Any]) -> "Study":
        """The study with more rates, seeds, losses or factor values; those that it has keep their place.

        `more` has the study's fields: tuples and factors are joined, single values (budget, description) replaced.
        """
        values = self.model_dump()
        for name, given in parse_study(values | dict(more)).model_dump().items():
            if name not in more:
                continue
            if name == "factors":
                joined = {k: (*values[name].get(k, ()), *(v for v in new if v not in values[name].get(k, ())))
                          for k, new in given.items()}  # fmt: skip
                values[name] = values[name] | joined
            elif name in ("noise_rates", "seeds", "losses"):
                values[name] = (*values[name], *given)
            else:
                values[name] = given
        return parse_study(values)


def config_key(config: RunConfig) -> str:
    """Equal for configs whose runs are the same experiment: where it computed does not count."""
    values = config.model_dump(mode="json", exclude={"threads", "device", "format_version"})
    return json.dumps(values, sort_keys=True)


def parse_study(values: Mapping[str, Any]) -> Study:
    """A Study from plain values; BadInputError in one line if something is not allowed."""
    try:
        return Study.model_validate(dict(values))
    except ValidationError as error:
        raise BadInputError(describe_problems(error)) from None
