"""The command line, `imae` or `python -m imae_core`. The only package of the core that prints."""

import logging
import sys

from imae_core.cli import choose, compare, datasets, paper, reports, review, runs, studies, training
from imae_core.cli.options import app
from imae_core.errors import BadInputError, ImaeError

__all__ = ["choose", "compare", "datasets", "main", "paper", "reports", "review", "runs", "studies", "training"]


def main() -> None:
    """Runs the command line; exit code 2 with one line for bad input, 1 for a failed run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        app(standalone_mode=True)
    except BadInputError as error:
        print(f"imae: {error}", file=sys.stderr)
        sys.exit(2)
    except ImaeError as error:
        print(f"imae: {error}", file=sys.stderr)
        sys.exit(1)
