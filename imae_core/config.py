"""What a run is: every choice that decides its numbers, validated once, at construction."""

import secrets
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from imae_core.catalog import LOSSES, MODELS, NOISES, lookup
from imae_core.errors import BadInputError, FormatVersionError

FORMAT_VERSION = 2  # 1: `augment` was true or false


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NoiseConfig(_Frozen):
    """Label noise to inject; rate 0 leaves the labels as they are."""

    kind: str = "symmetric"
    rate: float = Field(default=0.0, ge=0.0, le=1.0, description="fraction in [0, 1]")
    params: dict[str, Any] = {}

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        lookup(NOISES, kind, "noise model")
        return kind

    @property
    def is_none(self) -> bool:
        """Whether no label can change."""
        return self.rate == 0 and self.kind != "transition_matrix"


class LossConfig(_Frozen):
    """A loss with its parameters; what is not given takes the catalog's default."""

    name: str = "cce"
    params: dict[str, Any] = {}
    reduction: Literal["mean", "weight_sum"] = "mean"
    max_log_odds: float | None = Field(
        default=30.0, gt=0, description="beyond these log odds an example is fitted and gets no gradient; None: never"
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        if isinstance(values, dict):
            entry = lookup(LOSSES, values.get("name", "cce"), "loss")
            values = values | {"params": entry.validate(values.get("params") or {})}
        return values


class ModelConfig(_Frozen):
    """A net with its parameters."""

    name: str
    params: dict[str, float] = {}

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        if isinstance(values, dict):
            entry = lookup(MODELS, str(values.get("name")), "model")
            values = values | {"params": entry.validate(values.get("params") or {})}
        return values


class RunConfig(_Frozen):
    """One training run. The same config and thread count give the same bits on a CPU."""

    format_version: int = FORMAT_VERSION
    dataset: str = Field(min_length=1)
    num_train: int | None = Field(default=None, ge=2, description="a stratified subset of that many; None: all")
    noise: NoiseConfig = NoiseConfig()
    noise_seed: int = Field(ge=0)
    loss: LossConfig = LossConfig()
    model: ModelConfig
    epochs: int | None = Field(default=None, ge=1, le=100_000)
    iterations: int | None = Field(default=None, ge=1, le=100_000_000, description="instead of epochs")
    batch_size: int = Field(ge=1, le=1_000_000)
    lr: float = Field(gt=0, le=1e6, allow_inf_nan=False, description="learning rate at the start")
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0, le=1e3)
    schedule: Literal["milestones", "cosine"] = "milestones"
    milestones: tuple[float, ...] = Field(default=(0.5, 0.75), description="shares of training")
    lr_drop: float = Field(default=0.1, gt=0, le=1, description="factor at each milestone")
    grad_clip: float | None = Field(
        default=None, gt=0, description="largest global norm of the gradient; None or 0: any"
    )
    sampler: Literal["shuffle", "class_balanced"] = "shuffle"
    classes_per_batch: int | None = Field(default=None, ge=1, description="of a class-balanced batch, by given label")
    augment: Literal["none", "pad_crop", "resize_crop"] = "none"
    normalize: Literal["default", "none", "mean", "standardize"] = "default"
    validation_fraction: float = Field(
        default=0.0, ge=0, le=0.5, description="share of the training rows that is judged and not trained on"
    )
    seed: int = Field(default=0, ge=0)
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    threads: int = Field(default=1, ge=1, le=1024)
    eval_every: int = Field(default=1, ge=1, description="epochs between passes in evaluation mode")
    num_folds: int | None = Field(
        default=None, ge=2, le=20, description="one net a fold judges the rows it never saw; None: one net for all"
    )

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, values: Any) -> Any:
        if isinstance(values, dict):
            version = values.get("format_version", FORMAT_VERSION)
            if isinstance(version, int) and version > FORMAT_VERSION:
                raise FormatVersionError(
                    f"this config has format version {version}, but this program reads up to {FORMAT_VERSION}; "
                    "update the program"
                )
            if isinstance(values.get("augment"), bool):
                values = values | {"augment": "pad_crop" if values["augment"] else "none"}
            values = values | {"format_version": FORMAT_VERSION}
            if values.get("noise_seed") is None:
                values = values | {"noise_seed": values.get("seed", 0)}
        return values

    @field_validator("grad_clip", mode="before")
    @classmethod
    def _off(cls, grad_clip: Any) -> Any:
        return None if grad_clip == 0 else grad_clip

    @model_validator(mode="after")
    def _one_length(self) -> "RunConfig":
        if (self.epochs is None) == (self.iterations is None):
            raise ValueError("give either epochs or iterations, not both and not neither")
        if any(not 0 < share <= 1 for share in self.milestones) or list(self.milestones) != sorted(self.milestones):
            raise ValueError("milestones must be rising shares of training in (0, 1]")
        return self

    @model_validator(mode="after")
    def _one_sampling(self) -> "RunConfig":
        if (self.sampler == "class_balanced") != (self.classes_per_batch is not None):
            raise ValueError("sampler class_balanced needs classes_per_batch, and no other sampler takes it")
        if self.classes_per_batch is not None and self.batch_size % self.classes_per_batch:
            raise ValueError(
                f"classes_per_batch must divide batch_size, got {self.classes_per_batch} for batches of {self.batch_size}"
            )
        if self.num_folds and self.validation_fraction:
            raise ValueError(
                "num_folds and validation_fraction exclude each other: in folds every row is judged by a net that never saw it"
            )
        return self

    def num_trained(self, num_train: int) -> int:
        """How many of `num_train` rows are trained on: all but the share for validation."""
        return num_train - round(self.validation_fraction * num_train)

    def steps_per_epoch(self, num_train: int) -> int:
        """As many as one pass over `num_train` examples takes, whether a sampler makes one or not."""
        return -(-num_train // self.batch_size)

    def total_steps(self, num_train: int) -> int:
        """Optimiser steps of the whole run that trains on `num_train` examples; with folds, of all their nets."""
        if self.num_folds is None:
            return self.iterations or (self.epochs or 0) * self.steps_per_epoch(num_train)
        num_seen = num_train - num_train // self.num_folds
        return self.num_folds * (self.iterations or (self.epochs or 0) * self.steps_per_epoch(num_seen))

    @property
    def title(self) -> str:
        """A short name for people: loss with what differs from its defaults, data, noise, seed, folds."""
        defaults = LOSSES[self.loss.name].defaults
        changed = ", ".join(_setting(k, v) for k, v in self.loss.params.items() if defaults.get(k) != v)
        noise = "labels as they are" if self.noise.is_none else f"{self.noise.kind} {self.noise.rate:.0%}"
        if self.noise.kind == "transition_matrix":
            noise = "own matrix"
        loss = LOSSES[self.loss.name].title.split(" (")[0] + (f" ({changed})" if changed else "")
        folds = f" · {self.num_folds}-fold" if self.num_folds else ""
        return f"{loss} · {self.dataset} · {noise} · seed {self.seed}{folds}"


def _setting(name: str, value: Any) -> str:
    """A parameter for a title: numbers short, texts cut, tables by name alone."""
    if isinstance(value, str):
        return value if len(value) <= 40 else f"{value[:39]}…"
    return f"{name}={value:g}" if isinstance(value, int | float) else f"own {name}"


def parse_config(values: dict[str, Any]) -> RunConfig:
    """A RunConfig from plain values; BadInputError in one line if something is not allowed."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        problems = []
        for problem in error.errors():
            where = ".".join(str(part) for part in problem["loc"])
            message = problem["msg"].removeprefix("Value error, ")
            given = "" if isinstance(problem["input"], dict) else f", got {problem['input']!r}"
            problems.append(f"{where}: {message}{given}" if where else message)
        raise BadInputError("; ".join(problems)) from None


def new_run_id() -> str:
    """Unique and sortable: UTC time, then random."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(3)
