"""What the tests of noise share: labels, inputs and the parameters that a kind cannot do without."""

import numpy as np

from imae_core.catalog import NOISES
from imae_core.noise import corrupt_labels

K, EACH = 10, 2000
LABELS = np.repeat(np.arange(K), EACH)
INPUTS = np.random.default_rng(0).normal(3, 20, (len(LABELS), 12))
NEEDED = {
    "transition_matrix": {"matrix": (0.7 * np.eye(K) + 0.03).tolist()},
    "superclass_swap": {"superclasses": [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]},
    "mixture": {
        "components": [
            {"kind": "symmetric", "share": 0.4, "rate": 0.5},
            {"kind": "pairflip", "share": 0.3, "rate": 0.4},
            {"kind": "instance_dependent", "share": 0.2, "rate": 0.3},
        ]
    },
}
LABEL_KINDS = [name for name, entry in NOISES.items() if not entry.changes_inputs]
INPUT_KINDS = [name for name, entry in NOISES.items() if entry.changes_inputs]


def corrupted(kind, rate=0.4, seed=0, labels=LABELS, inputs=INPUTS):
    """With everything that any kind may need."""
    return corrupt_labels(labels, K, kind, rate, seed, inputs=inputs, num_source=500, **NEEDED.get(kind, {}))


def within_bounds(counted, total, probability):
    """Five standard deviations of a binomial count: a false alarm in less than one of a million tries."""
    deviation = np.sqrt(total * probability * (1 - probability))
    return abs(counted - total * probability) <= 5 * deviation + 1e-9
