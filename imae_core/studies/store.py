"""Studies on disk: one JSON file each, `<home>/studies/<name>.json`. A study's runs are those of the group of its name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from imae_core.data.facts import dataset_facts
from imae_core.errors import BadInputError
from imae_core.files import read_json, write_json
from imae_core.runs.budget import set_budget
from imae_core.studies.study import NAME, Cell, Study, parse_study


def study_path(home: Path, name: str) -> Path:
    """Where a study lies; BadInputError for a name that is no plain file name."""
    if not NAME.fullmatch(name):
        raise BadInputError(f"a study's name is made of letters, digits, '_', '-' and '.', at most 100, got {name!r}")
    return home / "studies" / f"{name}.json"


def create_study(home: Path, study: Study) -> list[Cell]:
    """Saves a new study and returns its runs; BadInputError if the name is taken or a value is not allowed."""
    if study_path(home, study.name).exists():
        raise BadInputError(
            f"there is a study {study.name!r} already; choose another name, widen that one, or remove it first"
        )
    cells = cells_of(home, study)
    _save(home, study)
    return cells


def widen_study(home: Path, name: str, more: Mapping[str, Any]) -> list[Cell]:
    """Adds losses, rates, seeds or values of settings (see `Study.widened`), saves, and returns all of its runs.

    Raises BadInputError where runs that the study has would no longer belong to it.
    """
    study = load_study(home, name)
    wider = study.widened(more)
    cells = cells_of(home, wider)
    lost = {cell.key for cell in cells_of(home, study)} - {cell.key for cell in cells}
    if lost:
        raise BadInputError(
            f"{len(lost)} runs of study {name} would no longer belong to it; where every combination is run, give a setting that did "
            "not vary so far with its present value too, such as lr=0.1,0.01"
        )
    _save(home, wider)
    return cells


def _save(home: Path, study: Study) -> None:
    path = study_path(home, study.name)
    path.parent.mkdir(exist_ok=True)
    write_json(path, study.model_dump(mode="json"))
    set_budget(home, study.name, None if study.max_hours is None else 3600 * study.max_hours)


def load_study(home: Path, name: str) -> Study:
    """BadInputError if there is none, or if what is there is none."""
    values = read_json(study_path(home, name))
    if values is None:
        known = ", ".join(study.name for study in list_studies(home)) or "none yet; `imae study create` makes one"
        raise BadInputError(f"there is no study {name!r} in {home}; there are: {known}")
    return parse_study(values)


def list_studies(home: Path) -> list[Study]:
    """By name."""
    return [parse_study(read_json(path)) for path in sorted((home / "studies").glob("[!.]*.json"))]


def remove_study(home: Path, name: str) -> None:
    """Forgets the study; its runs stay."""
    load_study(home, name)
    study_path(home, name).unlink()
    set_budget(home, name, None)


def cells_of(home: Path, study: Study) -> list[Cell]:
    """The study's runs; DatasetError if its data set is not there."""
    return study.expand(dataset_facts(home, study.dataset))


def study_lock(home: Path, name: str) -> FileLock:
    """Held while it is decided who does which run."""
    path = study_path(home, name)
    path.parent.mkdir(exist_ok=True)
    return FileLock(path.with_name(f".{name}.lock"))
