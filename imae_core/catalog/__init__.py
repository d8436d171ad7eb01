"""What can be chosen: losses, noise models, models and built-in data sets, each with ranges, defaults, sources.

The command line, the pages and the validation of a configuration all read these records, so a choice is
described once. Nothing here imports torch.
"""

from imae_core.catalog.datasets import DATASETS, BuiltinDataset, superclasses_of
from imae_core.catalog.entry import (
    AnyParameter,
    Entry,
    LossEntry,
    OpenParameter,
    Parameter,
    TableParameter,
    TextParameter,
    lookup,
    table_text,
)
from imae_core.catalog.losses import LOSSES
from imae_core.catalog.models import MODELS
from imae_core.catalog.noises import NOISES, NoiseEntry

__all__ = [
    "DATASETS",
    "LOSSES",
    "MODELS",
    "NOISES",
    "AnyParameter",
    "BuiltinDataset",
    "Entry",
    "LossEntry",
    "NoiseEntry",
    "OpenParameter",
    "Parameter",
    "TableParameter",
    "TextParameter",
    "lookup",
    "superclasses_of",
    "table_text",
]
