"""Within the dashboard: a runner that died while there is work is replaced."""

import logging
import sqlite3
import threading
import time

from imae_core.runs.machine import runner_is_alive, runner_is_external, runner_was_dismissed
from imae_core.runs.service import ensure_runner
from imae_core.runs.store import Store

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 4.0  # a runner that was just started has beaten by then, on a machine that is not overloaded
MOST_PATIENCE_SECONDS = 60.0
log = logging.getLogger("imae.watch")


class Watch(threading.Thread):
    """Looks at the queue twice a second; a runner that dies again and again is started ever more rarely.

    One that was asked to leave (SIGTERM) stays away until somebody submits, resumes or starts one.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(name="watch", daemon=True)
        self.store = store
        self.ended = threading.Event()
        self.patience = PATIENCE_SECONDS
        self.started = -MOST_PATIENCE_SECONDS

    def run(self) -> None:
        while not self.ended.wait(LOOK_SECONDS):
            try:
                self.look()
            except (OSError, sqlite3.Error) as error:
                log.warning("could not look after the runner: %s", error)

    def look(self) -> None:
        """Starts a runner if there is work and the last one died."""
        if runner_is_external():
            return
        since = time.monotonic() - self.started
        if runner_is_alive(self.store):
            if since > MOST_PATIENCE_SECONDS:
                self.patience = PATIENCE_SECONDS
            return
        if since > self.patience and not runner_was_dismissed(self.store) and self.store.has_work():
            self.patience = min(2 * self.patience, MOST_PATIENCE_SECONDS)
            self.started = time.monotonic()
            log.warning("there is work and no runner; starting one")
            ensure_runner(self.store)

    def stop(self) -> None:
        self.ended.set()
        self.join(10)
