"""Carrying out one run, recorded in its folder."""

from imae_core.runs.folder import RunFolder
from imae_core.runs.observer import FolderObserver, Report, StaleTokenError
from imae_core.runs.preparation import Inventory, Outcome, conclude, prepare
from imae_core.runs.tracking import tracked


@tracked(lost=StaleTokenError)
def execute(folder: RunFolder, *, token: str = "", report: Report | None = None) -> Outcome:
    """Trains the run of a folder to its end, or until its control file asks to stop; goes on from a checkpoint.

    Raises ImaeError where the run cannot be carried out (unknown data, no such device, a diverged loss), and
    StaleTokenError if another worker owns the run by now.
    """
    trainer = prepare(folder, token, Inventory())
    with FolderObserver(folder, trainer, token, report) as observer:
        evaluation = trainer.run(observer)
        observer.save_checkpoint()
    predicted = None if evaluation is None else evaluation.columns["predicted"]
    return conclude(folder, trainer, token, observer, predicted)
