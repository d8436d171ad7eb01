"""Arrays of labels out of pickled files, read without executing anything from them.

The published CIFAR-10N and CIFAR-100N files are a dict of numpy arrays, pickled by `torch.save` (as a zip, or in the legacy
form) or by `np.save`. Only the opcodes and names that such a dict needs are known here, and the names stand for plain
records of this module: neither numpy's nor torch's own reconstruction is ever called.
"""

import io
import pickle
import pickletools
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imae_core.errors import DatasetError
from imae_core.limits import Limits

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
MOST_MEMOS = 100_000
MOST_OPCODES = 1_000_000
TENSORS = ("PERSID", "BINPERSID")
OPCODES = frozenset(
    [
        "PROTO",
        "FRAME",
        "STOP",
        "MARK",
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
        "BINSTRING",
        "SHORT_BINSTRING",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "SHORT_BINBYTES",
        "BINBYTES",
        "BINBYTES8",
        "EMPTY_LIST",
        "APPEND",
        "APPENDS",
        "LIST",
        "EMPTY_TUPLE",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
        "TUPLE3",
        "EMPTY_DICT",
        "DICT",
        "SETITEM",
        "SETITEMS",
        "GLOBAL",
        "STACK_GLOBAL",
        "REDUCE",
        "BUILD",
        "PUT",
        "BINPUT",
        "LONG_BINPUT",
        "GET",
        "BINGET",
        "LONG_BINGET",
        "MEMOIZE",
    ]
)
Labels = NDArray[np.int64]


def read_label_arrays(content: bytes, file_name: str, limits: Limits) -> dict[str, Labels]:
    """The one-dimensional arrays of whole numbers in a .pt or .npy file, by name.

    Raises DatasetError for a file that is too large or damaged, or holds anything that such a file does not need.
    """
    most = int(limits.label_file_megabytes * 1e6)
    if len(content) > most:
        raise DatasetError(
            f"{file_name} has {len(content) / 1e6:,.0f} MB, more than {limits.label_file_megabytes:g} MB "
            "(IMAE_LIMIT_LABEL_FILE_MEGABYTES)"
        )
    try:
        found = _content(content, file_name, most)
        arrays = {str(name): value.labels() for name, value in found.items() if isinstance(value, _Array)}
    except DatasetError:
        raise
    except Exception as error:  # a damaged pickle fails in any way; nothing of it has been executed
        raise DatasetError(
            f"{file_name} is damaged, or no file of label arrays ({type(error).__name__}: {error})"
        ) from None
    usable = {name: labels for name, labels in arrays.items() if labels is not None}
    if not usable:
        raise DatasetError(f"{file_name} holds no one-dimensional array of whole numbers")
    return usable


def _content(content: bytes, file_name: str, most: int) -> dict[Any, Any]:
    if content.startswith(b"PK\x03\x04"):
        found = _loads(_zipped_pickle(content, file_name, most), file_name)[0]
    elif content.startswith(b"\x93NUMPY"):
        found = _pickled_array(content, file_name)
    else:
        parts = _loads(content, file_name)
        if len(parts) < 4 or parts[0] != LEGACY_MAGIC:
            raise DatasetError(
                f"{file_name} is neither a file of torch.save nor a .npy of np.save; bring a CSV instead"
            )
        found = parts[3]  # after the magic number, the version and the sizes of C types
    if not isinstance(found, dict):
        raise DatasetError(
            f"{file_name} holds no arrays by name; a dict with clean_label and the given labels is expected, such as "
            "CIFAR-10N's, or a CSV with index and given_label"
        )
    return found


def _zipped_pickle(content: bytes, file_name: str, most: int) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if len(names) != 1:
                raise DatasetError(f"{file_name} is a zip, but not one of torch.save: it has no data.pkl")
            with archive.open(names[0]) as entry:
                packed = entry.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise DatasetError(f"{file_name} is a damaged zip: {error}") from None
    if len(packed) > most:
        raise DatasetError(f"{file_name} unpacks to more than {most / 1e6:g} MB (IMAE_LIMIT_LABEL_FILE_MEGABYTES)")
    return packed


def _pickled_array(content: bytes, file_name: str) -> Any:
    """What np.save pickled into a .npy file of one object."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if not dtype.hasobject or shape != ():
        raise DatasetError(
            f"{file_name} is a plain array: nothing shows whether its order is the data set's. Bring a CSV with index and "
            "given_label, or the file with clean_label in it"
        )
    array = _loads(content[stream.tell() :], file_name)[0]
    return array.only_object() if isinstance(array, _Array) else array


def _loads(content: bytes, file_name: str) -> list[Any]:
    """The objects of the pickles that follow one another, each checked before it is read."""
    found, start = [], 0
    while start < len(content):
        end = _checked_end(content, start, file_name)
        found.append(_Unpickler(io.BytesIO(content[start:end]), file_name).load())
        start = end
    return found


def _checked_end(content: bytes, start: int, file_name: str) -> int:
    """Where a pickle ends; DatasetError if it has an opcode that a dict of arrays does not need."""
    stream = io.BytesIO(content)
    stream.seek(start)
    for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if opcode.name in TENSORS:
            raise DatasetError(
                f"{file_name} holds torch tensors; only numpy arrays are read. Save tensor.numpy() instead"
            )
        if opcode.name not in OPCODES or number > MOST_OPCODES:
            raise DatasetError(_refusal(file_name, opcode.name))
        is_memo = opcode.name.endswith(("PUT", "GET"))
        if is_memo and argument is not None and argument > MOST_MEMOS:
            raise DatasetError(_refusal(file_name, f"{opcode.name} {argument}"))
    return stream.tell()


def _refusal(file_name: str, what: str) -> str:
    return (
        f"{file_name} is refused: its pickle has {what}, which a dict of numpy arrays does not need. Nothing of it was executed; "
        "bring the labels as a CSV with index and given_label"
    )


class _Name:
    """What a name of the pickle stands for: it can be called, and nothing about it can be changed."""

    __slots__ = ("_make",)
    _make: Callable[..., Any]

    def __init__(self, make: Callable[..., Any]) -> None:
        object.__setattr__(self, "_make", make)

    def __setattr__(self, name: str, _: Any) -> None:
        raise AttributeError(name)

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)


class _Dtype:
    """numpy.dtype: a code such as "i8", then its byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: str, *_: Any) -> None:
        self.code = code.lstrip("<>=|")
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.order = state[1]


class _Array:
    """numpy.ndarray: its shape, type and bytes."""

    __slots__ = ("data", "dtype", "shape")

    def __init__(self, *_: Any) -> None:
        self.shape: tuple[int, ...] = ()
        self.dtype: Any = None
        self.data: Any = b""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.dtype, _, self.data = state

    def only_object(self) -> Any:
        return self.data[0] if isinstance(self.data, list) and len(self.data) == 1 else None

    def labels(self) -> Labels | None:
        """(n,) whole numbers; None for anything else."""
        data = self.data.encode("latin-1") if isinstance(self.data, str) else self.data
        is_whole = isinstance(self.dtype, _Dtype) and self.dtype.code in (
            f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)
        )
        if not is_whole or len(self.shape) != 1 or not isinstance(data, bytes):
            return None
        values = np.frombuffer(data, dtype=np.dtype(self.dtype.order + self.dtype.code))
        if len(values) != self.shape[0]:
            raise ValueError(f"an array of {self.shape[0]} labels has {len(values)}")
        return values.astype(np.int64)


def _encode(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"encoding {encoding!r}")
    return text.encode("latin-1")


def _names() -> dict[tuple[str, str], _Name]:
    known = {
        ("numpy", "dtype"): _Name(_Dtype),
        ("numpy", "ndarray"): _Name(_Array),
        ("_codecs", "encode"): _Name(_encode),
        ("collections", "OrderedDict"): _Name(dict),
    }
    return known | {(f"numpy.{core}.multiarray", "_reconstruct"): _Name(_Array) for core in ("core", "_core")}


class _Unpickler(pickle.Unpickler):
    """Knows a handful of names, all of this module."""

    def __init__(self, stream: io.BytesIO, file_name: str) -> None:
        super().__init__(stream, fix_imports=False, encoding="latin-1")
        self.file_name = file_name
        self.names = _names()

    def find_class(self, module: str, name: str) -> Any:
        """Raises DatasetError for every name but those."""
        if (module, name) not in self.names:
            raise DatasetError(_refusal(self.file_name, f"the name {module}.{name}"))
        return self.names[module, name]
