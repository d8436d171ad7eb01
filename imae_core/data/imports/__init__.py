"""Data that people bring: pictures in class folders, tables, arrays, files of labels. Streamed, limited, all or nothing.

Pages take names, options and reports from the modules beside this; who imports loads the readers of files by the first call.
"""

from typing import TYPE_CHECKING, Any

from imae_core.data.imports.options import ImportOptions, name_from

if TYPE_CHECKING:
    from imae_core.data.imports.importer import import_dataset
    from imae_core.data.imports.label_file import import_labels

__all__ = ["ImportOptions", "import_dataset", "import_labels", "name_from"]


def __getattr__(name: str) -> Any:
    if name == "import_dataset":
        from imae_core.data.imports.importer import import_dataset

        return import_dataset
    if name == "import_labels":
        from imae_core.data.imports.label_file import import_labels

        return import_labels
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
