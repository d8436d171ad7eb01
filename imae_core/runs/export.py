"""Taking a run's data elsewhere."""

import zipfile
from pathlib import Path

import pandas as pd

from imae_core.analysis.detection import suspicion
from imae_core.errors import BadInputError
from imae_core.files import replacing
from imae_core.runs.folder import RunFolder

FORMATS = (".csv", ".parquet", ".zip")


def example_table(folder: RunFolder) -> pd.DataFrame:
    """One row a training example: labels, the last eval epoch's dynamics, trajectory scores and suspicion."""
    examples = folder.examples()
    unknown = examples["true_label"] < 0
    parts = [
        examples.assign(**{name: examples[name].mask(unknown) for name in ("true_label", "is_corrupted")})
        if unknown.any()
        else examples
    ]
    epochs = folder.epochs("eval")
    if epochs:
        parts.append(folder.dynamics("eval", epochs[-1]))
        trajectory = folder.trajectory()
        parts.append(trajectory.assign(suspicion=suspicion(trajectory["mean_p_label"])))
    return pd.concat(parts, axis=1)


def export_run(folder: RunFolder, target: Path) -> None:
    """Writes the example table as .csv or .parquet, or the whole folder as .zip.

    Raises BadInputError for another ending, or if the target is there already.
    """
    ending = target.suffix.lower()
    if ending not in FORMATS:
        raise BadInputError(f"cannot export to {target.name!r}; the name must end in one of: {', '.join(FORMATS)}")
    if target.exists():
        raise BadInputError(f"{target} is there already; choose another name")
    if not target.parent.is_dir():
        raise BadInputError(f"the folder {target.parent} does not exist")
    with replacing(target) as temporary:
        if ending == ".csv":
            example_table(folder).to_csv(temporary, index=False)
        elif ending == ".parquet":
            example_table(folder).to_parquet(temporary, index=False)
        else:
            _zip(folder.path, temporary)


def _zip(source: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.rglob("*")):
            if file.is_file() and not file.name.endswith(".tmp"):
                archive.write(file, Path(source.name) / file.relative_to(source))
