"""Studies: losses x noise rates x seeds x other settings, planned as one thing, run in the background or here, summed up."""

from imae_core.studies.study import FACTORS, Cell, LossChoice, Study, config_key, parse_study

__all__ = ["FACTORS", "Cell", "LossChoice", "Study", "config_key", "parse_study"]
