"""The header of a .npy stream, read before numpy is trusted with the rest."""

from typing import Any

import numpy as np

from imae_core.errors import DatasetError


def expected_bytes(stream: Any, name: str) -> int:
    """The size that a .npy header claims; DatasetError for pickled objects and headers that are none."""
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
    except (ValueError, EOFError, SyntaxError, TypeError, OverflowError) as error:
        raise DatasetError(f"array {name!r} is no numpy array: {str(error).splitlines()[0]}") from None
    if dtype.hasobject:
        raise DatasetError(
            f"array {name!r} holds pickled Python objects, which are never opened; save numbers or texts (astype) instead"
        )
    if dtype.names is not None or dtype.subdtype is not None:
        raise DatasetError(f"array {name!r} is a structured array; save plain ones")
    count = 1
    for length in shape:
        count *= int(length)
    return count * dtype.itemsize
