"""The paper's experiments: what was published, presets that repeat it, and both side by side."""

from imae_core.paper.compare import PaperComparison, compare_with_paper
from imae_core.paper.presets import PRESETS, Preset, experiments, preset_of, suits
from imae_core.paper.published import TABLES
from imae_core.paper.records import Setting, Table

__all__ = [
    "PRESETS",
    "TABLES",
    "PaperComparison",
    "Preset",
    "Setting",
    "Table",
    "compare_with_paper",
    "experiments",
    "preset_of",
    "suits",
]
