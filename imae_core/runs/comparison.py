"""What a comparison reads of run folders: configurations and results, curves, and the examples that two runs saw."""

from collections.abc import Sequence

import pandas as pd

from imae_core.analysis.comparison import Comparison, compare
from imae_core.analysis.same_examples import TrainedOn, same_labels
from imae_core.errors import BadInputError
from imae_core.runs.folder import LABELS, RunFolder
from imae_core.runs.store import StoredRun

Runs = Sequence[tuple[StoredRun, RunFolder]]
# the paper's three curves: accuracies by evaluation
CURVES = ("test_accuracy", "noisy_subset_accuracy", "clean_subset_accuracy")


def compare_runs(runs: Runs, *, over_seeds: bool = True) -> Comparison:
    """Reads the result of each finished run; the others take part with their parameters and state.

    Raises BadInputError without any run.
    """
    if not runs:
        raise BadInputError("there is no run to compare; name some, or a group of them")
    return compare(
        {run.run_id: run.config.model_dump(mode="json") for run, _ in runs},
        {run.run_id: folder.result() or {} if run.state == "done" else {} for run, folder in runs},
        {run.run_id: run.state for run, _ in runs},
        over_seeds=over_seeds,
    )


def histories(folders: Sequence[RunFolder]) -> pd.DataFrame:
    """A row per run and epoch with the columns run_id, epoch, step and those of CURVES, as far as each run has come."""
    columns = ["epoch", "step", *CURVES]
    tables = [
        metrics.reindex(columns=columns).assign(run_id=folder.run_id)
        for folder in folders
        if len(metrics := folder.metrics())
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*columns, "run_id"])


def trained_on(run: StoredRun, folder: RunFolder, examples: pd.DataFrame | None = None) -> TrainedOn:
    """What the run trained on, to tell whether another saw the same examples; `examples` where they were read already."""
    fingerprint = str(folder.environment().get("data_fingerprint", ""))
    table = folder.examples(LABELS) if examples is None else examples
    return TrainedOn(run.config.dataset, fingerprint, run.config.noise_seed, table)


def on_same_labels(run: StoredRun, folder: RunFolder, others: Runs) -> list[tuple[StoredRun, RunFolder]]:
    """Those of `others`, the run itself left out, that evaluated the very same examples with the same given labels."""
    own = trained_on(run, folder)
    likely = [
        (other, place)
        for other, place in others
        if other.run_id != run.run_id and _labels_key(other) == _labels_key(run) and place.has_epochs("eval")
    ]
    return [(other, place) for other, place in likely if same_labels(own, trained_on(other, place))]


def _labels_key(run: StoredRun) -> tuple[object, ...]:
    """Runs whose keys differ have other examples or labels; cheaper than reading them."""
    config = run.config
    is_seeded = config.num_train is not None or not config.noise.is_none
    return config.dataset, config.num_train, config.noise, config.noise_seed if is_seeded else None
