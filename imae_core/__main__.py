"""`python -m imae_core`."""

from imae_core.cli import main

main()
