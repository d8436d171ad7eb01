"""The process that trains: knows only its run folders."""

import logging
import os
import traceback
from collections.abc import Sequence
from pathlib import Path

from imae_core.errors import ImaeError
from imae_core.runs.folder import RunFolder

log = logging.getLogger("imae.worker")


def work(paths: Sequence[Path]) -> int:
    """Carries out the runs one after another; the exit code: 0, or 1 if any failed.

    The token in `IMAE_TOKEN` names this worker; how a run ended is left in its heartbeat for the runner.
    """
    token = os.environ.get("IMAE_TOKEN", "")
    failures = 0
    for path in paths:
        failures += not _work_one(RunFolder(path), token)
    return 1 if failures else 0


def _work_one(folder: RunFolder, token: str) -> bool:
    from imae_core.runs.execute import StaleTokenError, beat, execute

    try:
        execute(folder, token=token)
    except StaleTokenError:
        log.warning("another worker owns %s by now; leaving it alone", folder.run_id)
    except ImaeError as error:
        log.error("%s", error)
        beat(folder, token, phase="failed", message=str(error))
        return False
    except Exception as error:
        log.error("%s", traceback.format_exc())
        beat(folder, token, phase="failed", message=f"{type(error).__name__}: {error}")
        return False
    return True
