"""Label corruption and noise on inputs; NumPy only, no I/O."""

from imae_core.noise.corrupt import LabelNoise, corrupt_labels
from imae_core.noise.drawing import realized_matrix
from imae_core.noise.inputs import InputChange
from imae_core.noise.matrices import build_transition_matrix

__all__ = ["InputChange", "LabelNoise", "build_transition_matrix", "corrupt_labels", "realized_matrix"]
