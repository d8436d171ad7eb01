"""Files as people bring them: good ones, and every kind of bad one."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image


def png(color=(200, 30, 30), size=(8, 8), mode="RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, color).save(buffer, format="PNG")
    return buffer.getvalue()


def jpeg(seed: int, size=(8, 8), exif=None) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", **({"exif": exif} if exif else {}))
    return buffer.getvalue()


def zip_of(path: Path, files: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def pictures(per_class=5, classes=("cat", "dog"), prefix="") -> dict[str, bytes]:
    return {
        f"{prefix}{label}/{number}.jpg": jpeg(100 * place + number)
        for place, label in enumerate(classes)
        for number in range(per_class)
    }


def table(rows=20) -> pd.DataFrame:
    numbers = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": numbers.integers(18, 80, rows),
            "height": numbers.normal(1.7, 0.1, rows).round(3),
            "colour": numbers.choice(["red", "green"], rows),
            "label": ["yes", "no"] * (rows // 2),
        }
    )


def csv_with(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    change(table()).to_csv(path, index=False)
    return path


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def png_that_claims(width: int, height: int) -> bytes:
    """A valid header without the pixels that it promises."""
    import zlib

    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + png()[33:]


def link_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in pictures().items():
            archive.writestr(name, content)
        link = zipfile.ZipInfo("cat/link.jpg")
        link.external_attr = (0o120777) << 16
        archive.writestr(link, "/etc/passwd")
    return path


def encrypted_zip(path: Path) -> Path:
    """The flag of encryption set on every entry."""
    content = bytearray(zip_of(path, pictures()).read_bytes())
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(magic)
        while start >= 0:
            content[start + place] |= 1
            start = content.find(magic, start + 4)
    return written(path, bytes(content))


def npz_claiming(path: Path, shape: tuple[int, ...]) -> Path:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    labels = io.BytesIO()
    np.save(labels, np.array([0, 1] * 5))
    return zip_of(path, {"images.npy": header.getvalue() + b"\0" * 100, "labels.npy": labels.getvalue()})


def npz(path: Path, **arrays) -> Path:
    np.savez(path, **arrays)
    return path


def image_arrays(rows=20, **changes):
    numbers = np.random.default_rng(0)
    arrays = {
        "images": numbers.integers(0, 256, (rows, 8, 8, 3), dtype=np.uint8),
        "labels": np.arange(rows) % 2,
    } | changes
    return {name: values for name, values in arrays.items() if values is not None}


def one_bad(content: bytes, name="dog/bad.jpg") -> dict[str, bytes]:
    return pictures() | {name: content}


BOMB = b"\0" * 30_000_000

# name -> (maker, words of the message)
BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "empty file": (lambda d: written(d / "a.zip", b""), "is empty"),
    "empty csv": (lambda d: written(d / "a.csv", b""), "is empty"),
    "text named zip": (lambda d: written(d / "a.zip", "hello, this is no archive"), "no zip archive"),
    "zip without anything": (lambda d: zip_of(d / "a.zip", {}), "no pictures in class folders"),
    "zip of text": (lambda d: zip_of(d / "a.zip", {"readme.txt": b"x"}), "no pictures in class folders"),
    "parent folder": (lambda d: zip_of(d / "a.zip", pictures() | {"../evil.jpg": jpeg(1)}), "leads out of the archive"),
    "inner parent": (lambda d: zip_of(d / "a.zip", pictures() | {"cat/../../e.jpg": jpeg(1)}), "leads out of the archive"),
    "absolute path": (lambda d: zip_of(d / "a.zip", pictures() | {"/etc/evil.jpg": jpeg(1)}), "absolute path"),
    "windows path": (lambda d: zip_of(d / "a.zip", pictures() | {"C:\\evil.jpg": jpeg(1)}), "absolute path"),
    "link": (lambda d: link_zip(d / "a.zip"), "is a link"),
    "same names": (lambda d: zip_of(d / "a.zip", pictures() | {"CAT/1.jpg": jpeg(1)}), "same name on many machines"),
    "same unicode": (
        lambda d: zip_of(d / "a.zip", pictures() | {"cat/caf\u00e9.jpg": jpeg(1), "cat/cafe\u0301.jpg": jpeg(2)}),
        "same name on many machines",
    ),
    "bomb": (lambda d: zip_of(d / "a.zip", pictures() | {"cat/big.png": BOMB}), "zip bomb"),
    "nested archive only": (
        lambda d: zip_of(d / "a.zip", {"cat/a.zip": zip_of(d / "in.zip", {"x": BOMB}).read_bytes()}),
        "an archive within the data is not opened",
    ),
    "truncated zip": (lambda d: written(d / "b.zip", zip_of(d / "a.zip", pictures()).read_bytes()[:-200]), "damaged or cut off"),
    "damaged entry": (lambda d: _damaged(d), "is damaged"),
    "encrypted zip": (lambda d: encrypted_zip(d / "a.zip"), "pack it without a password"),
    "bzip2 method": (lambda d: zip_of(d / "a.zip", pictures(), zipfile.ZIP_BZIP2), "packed by method"),
    "no image": (lambda d: zip_of(d / "a.zip", one_bad(b"this is no picture")), "dog/bad.jpg is not a picture"),
    "truncated image": (lambda d: zip_of(d / "a.zip", one_bad(jpeg(1, (64, 64))[:900])), "dog/bad.jpg is damaged"),
    "huge image": (lambda d: zip_of(d / "a.zip", one_bad(png_that_claims(30_000, 30_000))), "30,000 x 30,000"),
    "one class": (lambda d: zip_of(d / "a.zip", pictures(classes=("cat",))), "only one class"),
    "class of one": (lambda d: zip_of(d / "a.zip", pictures() | {"owl/1.jpg": jpeg(7)}), "'owl' (1)"),
    "test class unseen": (
        lambda d: zip_of(d / "a.zip", pictures(prefix="train/") | pictures(prefix="test/", classes=("cat", "owl"))),
        "'owl' (0)",
    ),
    "pictures at top": (lambda d: zip_of(d / "a.zip", {f"{n}.jpg": jpeg(n) for n in range(4)}), "not in a class folder"),
    "no label column": (lambda d: csv_with(d / "a.csv", lambda t: t.rename(columns={"label": "target"})), "no column 'label'"),
    "text among numbers": (
        lambda d: csv_with(d / "a.csv", lambda t: t.astype({"age": object}).assign(age=[*t["age"][:9], "old", *t["age"][10:]])),
        "row 10 has the text 'old'",
    ),
    "not a number": (lambda d: _cell(d, "nan"), "has 'nan' in row 5"),
    "infinity": (lambda d: _cell(d, "-inf"), "has '-inf' in row 5"),
    "beyond float32": (lambda d: _cell(d, "1e300"), "fit float32"),
    "ragged": (lambda d: written(d / "a.csv", "a,b,label\n1,2,x\n1,2,3,y\n1,2,x\n"), "has 4 values where the header names 3"),
    "latin-1": (lambda d: written(d / "a.csv", "a,label\n1,caf\xe9\n2,tea\n".encode("latin-1")), "line 2 is not utf-8"),
    "late latin-1": (
        lambda d: written(d / "a.csv", b"a,label\n" + b"1,tea\n" * 20_000 + b"1,caf\xe9\n"), "line 20,002 is not utf-8"),
    "utf-16": (lambda d: written(d / "a.csv", "a,label\n1,x\n".encode("utf-16")), "UTF-16"),
    "binary": (lambda d: written(d / "a.csv", b"\x01\x00\x02" * 50), "zero bytes"),
    "million columns": (
        lambda d: written(d / "a.csv", ",".join(f"c{n}" for n in range(1_000_000)) + ",label\n"), "1,000,001 columns"),
    "no rows": (lambda d: written(d / "a.csv", "a,b,label\n"), "no rows"),
    "no header": (lambda d: written(d / "a.csv", "1,2,3\n4,5,6\n"), "the first line holds numbers"),
    "one column": (lambda d: written(d / "a.csv", "label\nx\ny\n"), "one column only"),
    "two of a name": (lambda d: written(d / "a.csv", "a,a,label\n1,2,x\n"), "two columns named 'a'"),
    "open quote": (lambda d: written(d / "a.csv", 'a,label\n"1,x\n' + "2,y\n" * 5), "line 2 has 1 values"),
    "every row a class": (
        lambda d: csv_with(d / "a.csv", lambda t: pd.concat([t] * 50, ignore_index=True).assign(label=[f"k{n}" for n in range(1000)])),
        "1,000 of 1,000 classes",
    ),
    "too many classes": (
        lambda d: csv_with(d / "a.csv", lambda t: pd.concat([t] * 200, ignore_index=True).assign(label=[f"k{n}" for n in range(4000)])),
        "more than 2,000 classes",
    ),
    "float labels": (lambda d: csv_with(d / "a.csv", lambda t: t.assign(label=np.linspace(0, 1, len(t)))), "numbers with a fraction"),
    "missing label": (lambda d: csv_with(d / "a.csv", lambda t: t.assign(label=["yes", None] * 10)), "row 2 has no label"),
    "only identifiers": (
        lambda d: csv_with(d / "a.csv", lambda t: pd.DataFrame({"id": [f"n{n}" for n in range(400)], "label": ["a", "b"] * 200})),
        "no column is left",
    ),
    "bad split": (lambda d: csv_with(d / "a.csv", lambda t: t.assign(split="later")), "must say train or"),
    "parquet in name": (lambda d: written(d / "a.parquet", b"hello world"), "no Parquet file"),
    "cut parquet": (lambda d: _cut_parquet(d), "no Parquet file that can be read"),
    "parquet of floats": (lambda d: _parquet(d, label=np.linspace(0, 1, 20)), "numbers with a fraction"),
    "pickled": (lambda d: npz(d / "a.npz", images=np.array([{}, []], dtype=object), labels=np.array([0, 1])), "never opened"),
    "terabyte": (lambda d: npz_claiming(d / "a.npz", (10**9, 32, 32)), "damaged or made up|too little space"),
    "smaller than said": (lambda d: npz_claiming(d / "a.npz", (10, 8, 8)), "damaged or made up"),
    "npz of text": (lambda d: written(d / "a.npz", b"no"), "no zip archive"),
    "npz without labels": (lambda d: npz(d / "a.npz", **image_arrays(labels=None)), "needs `labels`"),
    "npz float labels": (lambda d: npz(d / "a.npz", **image_arrays(labels=np.linspace(0, 1, 20))), "must be whole numbers"),
    "npz one-hot": (lambda d: npz(d / "a.npz", **image_arrays(labels=np.eye(2, dtype=int)[np.arange(20) % 2])), "argmax"),
    "npz short labels": (lambda d: npz(d / "a.npz", **image_arrays(labels=np.zeros(5, int))), "5 entries for 20 examples"),
    "npz other truth": (lambda d: npz(d / "a.npz", **image_arrays(true_labels=np.zeros(5, int))), "`true_labels` has 5 entries"),
    "npz int images": (lambda d: npz(d / "a.npz", **image_arrays(images=np.zeros((20, 8, 8), np.int64))), "must be uint8"),
    "npz bright floats": (lambda d: npz(d / "a.npz", **image_arrays(images=np.full((20, 8, 8), 3.0))), "numbers from 0 to 1"),
    "npz nan": (
        lambda d: npz(d / "a.npz", features=np.full((20, 3), np.nan), labels=np.arange(20) % 2), "every number must be finite"),
    "npz test half": (lambda d: npz(d / "a.npz", **image_arrays(test_labels=np.array([0, 1]))), "go together"),
    "spreadsheet": (lambda d: zip_of(d / "a.xlsx", {"xl/workbook.xml": b"<x/>"}), "is a spreadsheet"),
    "gzip": (lambda d: written(d / "a.csv.gz", b"\x1f\x8b\x08\x00aaaa"), "gzip-packed"),
    "one picture": (lambda d: written(d / "a.png", png()), "a single picture"),
    "nothing there": (lambda d: d / "absent.zip", "there is no file or folder"),
    "empty folder": (lambda d: _folder(d), "no pictures in class folders"),
}  # fmt: skip


def _damaged(folder: Path) -> Path:
    content = bytearray(zip_of(folder / "a.zip", pictures(), zipfile.ZIP_STORED).read_bytes())
    content[120] ^= 0xFF
    return written(folder / "a.zip", bytes(content))


def _cell(folder: Path, text: str) -> Path:
    return csv_with(
        folder / "a.csv",
        lambda t: t.astype({"height": object}).assign(height=[*t["height"][:4], text, *t["height"][5:]]),
    )


def _parquet(folder: Path, **changes) -> Path:
    path = folder / "a.parquet"
    table().assign(**changes).to_parquet(path)
    return path


def _cut_parquet(folder: Path) -> Path:
    return written(folder / "a.parquet", _parquet(folder).read_bytes()[:-40])


def _folder(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"
