"""Independent streams of random numbers from one noise seed."""

import numpy as np


def generator(seed: int, *key: int) -> np.random.Generator:
    """NumPy's PCG64, the same on every machine; without a key, that of the seed itself."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key) if key else seed)


def child_seed(seed: int, *key: int) -> int:
    """A seed for something that takes one, independent of its siblings' and of the seed itself."""
    return int(np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)[0]) >> 1
