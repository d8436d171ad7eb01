"""Data that people bring: pictures in class folders, tables, arrays, files of labels. Streamed, limited, all or nothing."""

from imae_core.data.imports.importer import import_dataset
from imae_core.data.imports.label_file import import_labels
from imae_core.data.imports.options import ImportOptions, name_from

__all__ = ["ImportOptions", "import_dataset", "import_labels", "name_from"]
