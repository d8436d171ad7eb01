"""Writing finished epochs into a run folder while the next ones train."""

import time
from collections.abc import Callable, Mapping, Sequence
from queue import Queue
from threading import Thread
from typing import Any

from imae_core.runs.folder import RunFolder
from imae_core.runs.histograms import HistogramBook
from imae_core.training.observer import EpochRecord

MOST_WAITING = 2  # large epochs in memory; training waits for the disk beyond these
SMALL_EPOCH = (
    10_000  # examples that are written sooner than a thread, which needs the interpreter, too, would let training go on
)
SMALL_SECONDS = 0.2  # small epochs wait for one another, since one alone finds nothing of what it needs in the caches
GROWING_SECONDS = 0.5  # tables that hold all epochs are written anew at most so often
History = Sequence[Mapping[str, Any]]


class EpochWriter:
    """Writes epochs in their order: large ones by a thread, in which what goes wrong is raised by the next call, small ones a few
    times a second.

    Args:
        folder: where to.
        histograms: of the same folder.
        may_write: asked before each epoch; raises where nothing more must be written.
    """

    def __init__(self, folder: RunFolder, histograms: HistogramBook, may_write: Callable[[], object]) -> None:
        self.folder = folder
        self.histograms = histograms
        self.may_write = may_write
        self.waiting: Queue[tuple[EpochRecord, History] | None] = Queue(MOST_WAITING)
        self.thread: Thread | None = None
        self.error: BaseException | None = None
        self.latest: dict[str, Any] = {}
        self.small: list[tuple[EpochRecord, History]] = []
        self.next_small = self.next_growing = 0.0

    def add(self, record: EpochRecord, history: History) -> None:
        """Takes an epoch and the metrics of all epochs so far; waits while the disk is far behind."""
        self._raise_what_went_wrong()
        if _num_examples(record) < SMALL_EPOCH:
            self.small.append((record, list(history)))
            if time.monotonic() >= self.next_small:
                self._write_small()
            return
        self._write_small()  # what came before is in the files before
        if self.thread is None:
            self.thread = Thread(target=self._work, name="epochs", daemon=True)
            self.thread.start()
        self.waiting.put((record, list(history)))

    def flush(self) -> None:
        """Returns when all that was added is in its files."""
        self.waiting.join()
        self._raise_what_went_wrong()
        self._write_small()
        self._write_growing()

    def close(self, drop: bool = False, quiet: bool = False) -> None:
        """Ends the thread when it has written what waits, or `drop`s that; `quiet` keeps its errors to itself, where another is on its way."""
        if drop:
            self.error = self.error or RuntimeError("closed")
        if self.thread is not None:
            self.waiting.put(None)
            self.thread.join()
            self.thread = None
        try:
            if self.error is None:
                self._write_small()
                self._write_growing()
            self._raise_what_went_wrong()
        except Exception:
            if not quiet:
                raise

    def _raise_what_went_wrong(self) -> None:
        if self.error is not None:
            raise self.error

    def _work(self) -> None:
        """After an error the rest is taken and left, so that nobody waits for ever."""
        while (item := self.waiting.get()) is not None:
            try:
                if self.error is None:
                    self._write(*item)
            except BaseException as error:
                self.error = error
            finally:
                self.waiting.task_done()
        self.waiting.task_done()

    def _write_small(self) -> None:
        small, self.small = self.small, []
        try:
            for item in small:
                self._write(*item)
        except BaseException as error:
            self.error = error
            raise
        self.next_small = time.monotonic() + SMALL_SECONDS

    def _write(self, record: EpochRecord, history: History) -> None:
        self.may_write()
        folder = self.folder
        if record.seen is not None:
            folder.write_dynamics("seen", record.epoch, record.seen)
            self.histograms.add(record.epoch, "seen", record.seen)
        if record.evaluation is not None and record.trajectory is not None:
            folder.write_dynamics("eval", record.epoch, record.evaluation.columns)
            self.histograms.add(record.epoch, "eval", record.evaluation.columns)
            self.latest["trajectory"] = record.trajectory
            if record.evaluation.pred_probs is not None and record.evaluation.embeddings is not None:
                folder.write_array("pred_probs", record.evaluation.pred_probs)
                folder.write_array("embeddings", record.evaluation.embeddings)
        self.latest["history"] = history
        if time.monotonic() >= self.next_growing:
            self._write_growing()

    def _write_growing(self) -> None:
        if not self.latest:
            return
        self.may_write()
        latest, self.latest = self.latest, {}
        if "trajectory" in latest:
            self.folder.write_trajectory(latest["trajectory"])
        self.histograms.write()
        self.folder.write_metrics(latest["history"])
        self.next_growing = time.monotonic() + GROWING_SECONDS


def _num_examples(record: EpochRecord) -> int:
    columns = record.seen or (record.evaluation.columns if record.evaluation else {})
    return max(map(len, columns.values()), default=0)
