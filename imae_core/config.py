"""What a run is: every choice that decides its numbers, validated once, at construction."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from imae_core.catalog import LOSSES, MODELS, NOISES, lookup
from imae_core.catalog.entry import setting_text
from imae_core.errors import BadInputError, FormatVersionError

FORMAT_VERSION = 3  # 1: `augment` was true or false; 2: no `compile`, no `precision`


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NoiseConfig(_Frozen):
    """Noise to inject; rate 0 leaves the data as they are. What is not given takes the catalog's default."""

    kind: str = "symmetric"
    rate: float = Field(default=0.0, ge=0.0, le=1.0, description="fraction in [0, 1]")
    params: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        if isinstance(values, dict):
            entry = lookup(NOISES, str(values.get("kind", "symmetric")), "noise model")
            values = values | {"params": entry.validate(values.get("params") or {})}
        return values

    @property
    def is_none(self) -> bool:
        """Whether nothing can change."""
        return self.rate == 0 and NOISES[self.kind].uses_rate

    @property
    def source(self) -> str | None:
        """The data set that pictures are taken from; None where none are."""
        return self.params.get("source") if self.kind == "open_set" and not self.is_none else None

    @property
    def title(self) -> str:
        """A short name for people."""
        if self.is_none:
            return "labels as they are"
        if self.kind == "transition_matrix":
            return "own matrix"
        parts = self.params.get("components", [])
        if self.kind == "mixture":
            return "mixture of " + " + ".join(
                f"{part['share']:.0%} {part['kind']} {part['rate']:.0%}" for part in parts
            )
        return f"{self.kind} {self.rate:.0%}" + (f" from {self.source}" if self.source else "")


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
    """One training run. Trained alone on a CPU, the same config gives the same bits."""

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
    lr: float = Field(
        gt=0, le=1e6, allow_inf_nan=False, description="learning rate at the start, or at a triangle's peak"
    )
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = Field(default=False, description="whether the momentum looks ahead")
    weight_decay: float = Field(default=0.0, ge=0, le=1e3)
    norm_bias_lr_factor: float = Field(
        default=1.0,
        gt=0,
        le=1e4,
        description="times the learning rate for batch norm's biases; they decay as all others do",
    )
    schedule: Literal["milestones", "cosine", "triangle"] = "milestones"
    warmup: float = Field(default=0.23, gt=0, lt=1, description="share of training until a triangle's peak")
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
    compile: Literal["auto", "never", "always"] = Field(
        default="auto", description="auto: nets and lengths that it pays for"
    )
    precision: Literal["auto", "float32", "mixed"] = Field(
        default="auto", description="of training steps; auto: mixed for convolutional nets on a GPU, else float32"
    )
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
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs momentum above 0, got 0")
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
        loss = loss_text(self.loss.name, self.loss.params)
        folds = f" · {self.num_folds}-fold" if self.num_folds else ""
        return f"{loss} · {self.dataset} · {self.noise.title} · seed {self.seed}{folds}"


def loss_text(name: str, params: Mapping[str, Any]) -> str:
    """A loss for people: its name, what differs from its defaults, and always its texts, such as a formula."""
    defaults = LOSSES[name].defaults
    shown = ", ".join(setting_text(k, v) for k, v in params.items() if isinstance(v, str) or defaults.get(k) != v)
    return LOSSES[name].title.split(" (")[0] + (f" ({shown})" if shown else "")


def parse_config(values: dict[str, Any]) -> RunConfig:
    """A RunConfig from plain values; BadInputError in one line if something is not allowed."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise BadInputError(describe_problems(error)) from None


def describe_problems(error: ValidationError) -> str:
    """One line for people: what was wrong where, and what was given."""
    problems = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        given = "" if isinstance(problem["input"], dict) else f", got {problem['input']!r}"
        problems.append(f"{where}: {message}{given}" if where else message)
    return "; ".join(problems)


def new_run_id() -> str:
    """Unique and sortable: UTC time, then random."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(3)
