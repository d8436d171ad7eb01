"""Label corruption by transition matrices; NumPy only."""

from imae_core.noise.corrupt import LabelNoise, corrupt_labels, realized_matrix
from imae_core.noise.matrices import build_transition_matrix

__all__ = ["LabelNoise", "build_transition_matrix", "corrupt_labels", "realized_matrix"]
