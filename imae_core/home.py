"""The one folder that holds all state."""

import os
from pathlib import Path

from imae_core.errors import BadInputError


def resolve_home(given: str | os.PathLike[str] | None = None) -> Path:
    """The folder given, else `IMAE_HOME`, else `.imae` in the working folder; created if it is missing."""
    home = Path(given or os.environ.get("IMAE_HOME") or ".imae").expanduser().resolve()
    try:
        (home / "runs").mkdir(parents=True, exist_ok=True)
        (home / "datasets").mkdir(exist_ok=True)
    except OSError as error:
        raise BadInputError(
            f"cannot use {home} as home ({error.strerror}); choose another with --home or IMAE_HOME"
        ) from None
    return home


def database_path(home: Path) -> Path:
    """`imae.db` in the home, or where `IMAE_DB` says (SQLite needs a local disk)."""
    return Path(os.environ.get("IMAE_DB") or home / "imae.db").expanduser()
