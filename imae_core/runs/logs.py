"""Where a run's own log goes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Sends what is logged within into a file instead of over whatever the process shows."""
    root = logging.getLogger()
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter(FORMAT))
    others, root.handlers = root.handlers, [handler]
    try:
        yield
    finally:
        root.handlers = others
        handler.close()
