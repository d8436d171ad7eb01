"""Taking runs elsewhere: the examples of one as a table, any number of them as a zip."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from imae_core.analysis.detection import suspicion
from imae_core.analysis.truth import truth_is_known
from imae_core.errors import BadInputError
from imae_core.files import replacing
from imae_core.runs.archive import pack_runs
from imae_core.runs.folder import RunFolder
from imae_core.runs.store import StoredRun

TABLE_FORMATS = (".csv", ".parquet")
FORMATS = (*TABLE_FORMATS, ".zip")


def example_table(folder: RunFolder) -> pd.DataFrame:
    """One row a training example: labels, the last eval epoch's dynamics, trajectory scores and suspicion.

    true_label and is_corrupted are missing where the truth is not known; a true_label of -1 says that no class is right.
    """
    examples = folder.examples()
    parts = [examples]
    if not truth_is_known(examples):
        unknown = np.ones(len(examples), dtype=bool)
        parts = [examples.assign(**{name: examples[name].mask(unknown) for name in ("true_label", "is_corrupted")})]
    epochs = folder.epochs("eval")
    if epochs:
        parts.append(folder.dynamics("eval", epochs[-1]))
        trajectory = folder.trajectory()
        parts.append(trajectory.assign(suspicion=suspicion(trajectory["mean_p_label"])))
    return pd.concat(parts, axis=1)


def export_runs(runs: Sequence[tuple[StoredRun, RunFolder]], target: Path, *, with_checkpoints: bool = True) -> None:
    """Writes the example table of one run as .csv or .parquet, or any number of runs as .zip (see `runs/archive.py`).

    Raises BadInputError for another ending, for a table of several runs, or if the target is there already.
    """
    ending = target.suffix.lower()
    if ending not in FORMATS:
        raise BadInputError(f"cannot export to {target.name!r}; the name must end in one of: {', '.join(FORMATS)}")
    if ending in TABLE_FORMATS and len(runs) != 1:
        raise BadInputError(f"a {ending} file holds the examples of one run, got {len(runs)}; export several as .zip")
    check_new_file(target)
    with replacing(target) as temporary:
        if ending == ".csv":
            example_table(runs[0][1]).to_csv(temporary, index=False)
        elif ending == ".parquet":
            example_table(runs[0][1]).to_parquet(temporary, index=False)
        else:
            pack_runs(runs, temporary, with_checkpoints=with_checkpoints)


def check_new_file(target: Path) -> None:
    """BadInputError if the file is there already, or its folder is not."""
    if target.exists():
        raise BadInputError(f"{target} is there already; choose another name")
    if not target.parent.is_dir():
        raise BadInputError(f"the folder {target.parent} does not exist")
