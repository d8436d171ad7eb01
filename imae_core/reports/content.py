"""What a report says: of one run, and of several side by side."""

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from imae_core.analysis.findings import percent
from imae_core.analysis.matrices import count_matrix, row_shares
from imae_core.analysis.parameters import value_text
from imae_core.analysis.shares import share_course
from imae_core.analysis.truth import truth_is_known
from imae_core.catalog import LOSSES, MODELS, NOISES
from imae_core.config import RunConfig
from imae_core.data.dataset import Dataset
from imae_core.data.inputs import RowInputs
from imae_core.data.png import picture_address
from imae_core.data.store import load_dataset
from imae_core.errors import DatasetError
from imae_core.palette import COLOR
from imae_core.reports import figures
from imae_core.runs.data import run_inputs
from imae_core.runs.export import example_table
from imae_core.runs.folder import RunFolder, Source
from imae_core.runs.histograms import stored_histograms
from imae_core.runs.store import StoredRun

NUM_SUSPECTS = 24
SOURCE_TITLES: dict[Source, str] = {
    "seen": "as trained (the training step's own numbers)",
    "eval": "evaluated (in evaluation mode, without augmentation)",
}
FRACTIONS = {
    "final_test_accuracy": ("Test accuracy, last epoch", ""),
    "best_test_accuracy": ("Test accuracy, best epoch", "the epoch is chosen on the test set: optimistic"),
    "noisy_subset_accuracy": ("Noisy subset", "wrong labels that the net repeats: memorisation, lower is better"),
    "clean_subset_accuracy": ("Clean subset", "clean training examples fitted"),
    "hybrid_accuracy": ("Hybrid", "test set and all training examples against their true labels"),
    "train_accuracy_given": ("Training accuracy, given labels", ""),
    "train_accuracy_true": ("Training accuracy, true labels", ""),
    "validation_accuracy_given": (
        "Validation accuracy, given labels",
        "rows that were not trained on; some of these labels are wrong",
    ),
    "detection_auc": ("Detection AUC", "one minus the mean of p over the evaluated epochs, against what is corrupted"),
    "realized_noise_rate": ("Realised noise rate", "share of training examples that are corrupted"),
}
COMPARED = ("best_test_accuracy", "final_test_accuracy", "noisy_subset_accuracy", "clean_subset_accuracy",
            "hybrid_accuracy", "detection_auc")  # fmt: skip
DASH = "–"
Rows = list[tuple[str, str, str]]


@dataclass(frozen=True)
class Card:
    """One suspicious example: border colour, picture as a data address or "", lines of text."""

    color: str
    picture: str
    lines: list[str]


@dataclass(frozen=True)
class RunContent:
    """One run's part of a report; rows are (name, value, remark), figures (title, caption, figure)."""

    run_id: str
    title: str
    state: str
    remarks: list[str]
    settings: Rows
    noise: Rows
    environment: Rows
    results: Rows
    figures: list[tuple[str, str, figures.Figure]]
    suspects: list[Card]
    num_examples: int
    scores: str


def run_content(run: StoredRun, folder: RunFolder) -> RunContent:
    """Reads one run; what it does not have yet is left out with a remark."""
    result = folder.result() or {}
    examples = folder.examples()
    data, remark = _data(folder, run, examples)
    inputs, no_pictures = _inputs(folder, data)
    table = example_table(folder) if len(examples) else examples
    remarks = [remark or no_pictures] if (remark or no_pictures) and len(examples) else []
    if run.state != "done":
        epochs = len(folder.metrics())
        remarks.insert(0, f"This run is {run.state}: it has ended {epochs} epoch(s), and what follows is of these.")
    if result.get("warning"):
        remarks.append(str(result["warning"]))
    return RunContent(
        run_id=run.run_id,
        title=run.title,
        state=run.state,
        remarks=remarks,
        settings=_settings(run),
        noise=_noise(run, examples),
        environment=_environment(folder.environment()),
        results=_results(result),
        figures=_figures(folder, examples, data),
        suspects=_suspects(table, data, inputs),
        num_examples=len(table),
        scores=_packed_csv(table) if len(table) else "",
    )


def _data(folder: RunFolder, run: StoredRun, examples: pd.DataFrame) -> tuple[Dataset | None, str]:
    """The data set that the run was trained on, or why there are no pictures."""
    try:
        data = load_dataset(folder.home, run.config.dataset)
    except DatasetError as error:
        return None, f"No pictures and class names: {error}"
    fits = not len(examples) or (
        examples["index"].max() < data.num_train and examples["given_label"].max() < data.num_classes
    )
    if not fits or data.fingerprint != folder.environment().get("data_fingerprint", data.fingerprint):
        return None, f"No pictures and class names: {data.name} is another data set by now."
    return data, ""


def _inputs(folder: RunFolder, data: Dataset | None) -> tuple[RowInputs | None, str]:
    """What the run saw of its examples, (N, ...), or why that is not known."""
    if data is None or not data.is_image:
        return None, ""
    try:
        return run_inputs(folder, data), ""
    except DatasetError as error:
        return None, f"No pictures: {error}"


def _settings(run: StoredRun) -> Rows:
    config = run.config
    length = f"{config.epochs} epochs" if config.epochs else f"{config.iterations} steps"
    schedule = {
        "milestones": f"times {config.lr_drop:g} at {_list(config.milestones)} of training",
        "cosine": "cosine",
        "triangle": f"a triangle with its peak at {config.warmup:.0%} of training",
    }[config.schedule]
    factor = config.norm_bias_lr_factor
    rate = f"{config.lr:g}" + ("" if factor == 1 else f", times {factor:g} for batch norm's biases")
    return [
        ("Data set", config.dataset, "" if config.num_train is None else f"a stratified subset of {config.num_train:,}"),
        ("Loss", LOSSES[config.loss.name].title, _pairs(config.loss.params)),
        ("Reduction", config.loss.reduction, "" if config.loss.max_log_odds is None
         else f"lets go of an example beyond log odds of {config.loss.max_log_odds:g}"),
        ("Net", MODELS[config.model.name].title, _pairs(config.model.params)),
        ("Length", length, f"batches of {config.batch_size}{_sampled(config)}"),
        ("Learning rate", rate, schedule),
        ("SGD", f"{'Nesterov ' if config.nesterov else ''}momentum {config.momentum:g}", f"weight decay {config.weight_decay:g}" + (
            "" if config.grad_clip is None else f", gradient norm clipped at {config.grad_clip:g}")),
        ("Inputs", f"normalisation {value_text('normalize', config.normalize)}",
         f"augmentation {value_text('augment', config.augment)}"),
        ("Validation", "none" if not config.validation_fraction else percent(config.validation_fraction),
         "of the training rows, judged and not trained on" if config.validation_fraction else ""),
        ("Evaluated", "every epoch" if config.eval_every == 1 else f"every {config.eval_every} epochs", ""),
        ("Arithmetic", f"precision {config.precision}", f"compiled: {config.compile}"),
        ("Seeds", f"training {config.seed}, noise {config.noise_seed}", ""),
    ]  # fmt: skip


def _sampled(config: RunConfig) -> str:
    return f" with {config.classes_per_batch} classes each" if config.classes_per_batch else ""


def _pairs(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value_text(f'loss.params.{name}', value)}" for name, value in params.items())


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _noise(run: StoredRun, examples: pd.DataFrame) -> Rows:
    noise = run.config.noise
    entry = NOISES[noise.kind]
    rows: Rows = [("Model", entry.title, noise.title if noise.params else "")]
    rows += [("Rate asked for", percent(noise.rate), "")] if entry.uses_rate else []
    if noise.is_none:
        rows = [("Injected", "none", "the labels are used as they came")]
    if not len(examples):
        return rows
    if not truth_is_known(examples):
        return [*rows, ("Realised rate", "not known", "nobody has vouched for these labels")]
    corrupted = int(examples["is_corrupted"].sum())
    share = percent(corrupted / len(examples))
    what = "inputs are changed" if entry.changes_inputs and not noise.is_none else "labels are wrong"
    return [*rows, ("Realised rate", share, f"{corrupted:,} of {len(examples):,} training {what}")]


def _environment(found: Mapping[str, Any]) -> Rows:
    if not found:
        return []
    packages = ", ".join(f"{name} {version}" for name, version in found.get("packages", {}).items())
    place = str(found.get("gpu") or found.get("device", ""))
    return [
        (
            "Program",
            f"imae_core {found.get('imae_core', '')}",
            f"commit {found['commit']}" if found.get("commit") else "",
        ),
        ("Computed on", place, f"{found.get('threads', '?')} CPU thread(s)"),
        ("Packages", f"Python {found.get('python', '')}", packages),
        ("System", str(found.get("platform", "")), str(found.get("hostname", ""))),
    ]


def _results(result: Mapping[str, Any]) -> Rows:
    if not result:
        return []
    rows = [(title, shown(result.get(name)), remark) for name, (title, remark) in FRACTIONS.items()]
    if result.get("best_epoch") is not None:
        rows[1] = (rows[1][0], rows[1][1], f"epoch {result['best_epoch']}; {rows[1][2]}")
    seconds, speed = result.get("seconds"), result.get("examples_per_second")
    rows.append(("Time", DASH if seconds is None else f"{seconds:,.1f} s", "training and evaluation"))
    rows.append(("Speed", DASH if speed is None else f"{speed:,.0f} examples/s", ""))
    return rows


def shown(fraction: float | None) -> str:
    """'80.7 %', or a dash where it is not defined."""
    return DASH if fraction is None or fraction != fraction else f"{100 * fraction:.1f} %"


def _figures(folder: RunFolder, examples: pd.DataFrame, data: Dataset | None) -> list[tuple[str, str, figures.Figure]]:
    found = []
    metrics = folder.metrics()
    if len(metrics):
        found.append(("Accuracy over epochs", "Evaluated.", figures.accuracy_figure(metrics)))
    source: Source = "seen" if folder.epochs("seen") else "eval"
    epochs = folder.epochs(source)
    if epochs:
        table = stored_histograms(folder, source)
        three = sorted({epochs[0], epochs[len(epochs) // 2], epochs[-1]})
        caption = f"{len(examples):,} examples, {SOURCE_TITLES[source]}."
        found.append(("Weight", caption, figures.histogram_figure(table, "weight", three)))
        found.append(("Probability of the given label", caption, figures.histogram_figure(table, "p_label", three)))
        shares = share_course(table)
        if len(shares):
            found.append(
                ("Share of the gradient", f"{_share_sentence(shares)} {caption}", figures.share_figure(shares))
            )
    if len(examples) and truth_is_known(examples):
        found.append(("Realised transition matrix", "Each row sums to 100 %.", _matrix(examples, data)))
    return found


def _share_sentence(shares: pd.DataFrame) -> str:
    first, last = shares.iloc[0], shares.iloc[-1]
    if not (np.isfinite(first["weight_share"]) and np.isfinite(last["weight_share"])):
        return "In some epoch no example got any weight."
    return (
        f"Corrupted examples are {percent(last['data_share'])} of the data; they got {percent(first['weight_share'])} of the "
        f"gradient in epoch {first['epoch']:.0f} and {percent(last['weight_share'])} in epoch {last['epoch']:.0f}."
    )


def _matrix(examples: pd.DataFrame, data: Dataset | None) -> figures.Figure:
    true, given = examples["true_label"], examples["given_label"]
    num_classes = data.num_classes if data else int(max(true.max(), given.max())) + 1
    counts = count_matrix(true, given, num_classes)
    names = [str(name) for name in (data.class_names if data else range(num_classes))]
    return figures.matrix_figure(row_shares(counts), counts, names)


def _suspects(table: pd.DataFrame, data: Dataset | None, inputs: RowInputs | None) -> list[Card]:
    """The examples whose given label the run believed least over its evaluated epochs."""
    if "suspicion" not in table:
        return []
    top = table.sort_values("suspicion", ascending=False, kind="stable").head(NUM_SUSPECTS)
    return [
        _card(row, data, inputs[place] if inputs else None)
        for place, row in zip(top.index, top.to_dict("records"), strict=True)
    ]


def _card(row: Mapping[Any, Any], data: Dataset | None, pixels: Any) -> Card:
    def name(label: Any) -> str:
        if label < 0:
            return "no class"
        return str(int(label)) if data is None else str(data.class_names[int(label)])

    known = not pd.isna(row["true_label"])
    population = ("corrupted" if row["is_corrupted"] else "clean") if known else "all"
    lines = [f"example {row['index']}", f"given {name(row['given_label'])}", f"predicted {name(row['predicted'])}"]
    if known:
        lines.append(f"true {name(row['true_label'])}")
    lines.append(f"suspicion {row['suspicion']:.3f}")
    picture = "" if data is None or pixels is None else picture_address(pixels, data.scale)
    return Card(COLOR[population], picture, lines)


def _packed_csv(table: pd.DataFrame) -> str:
    """Every row as CSV, packed by gzip, in base64: a page unpacks it where it is saved."""
    return base64.b64encode(gzip.compress(table.to_csv(index=False).encode(), 6, mtime=0)).decode()
