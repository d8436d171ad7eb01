"""Healthy files, made by tools that are not ours, and what the report says of them."""

import hashlib
import io
import shutil
import struct
import subprocess
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFile

from imae_core.data.imports import ImportOptions, import_dataset, import_labels, name_from
from imae_core.data.imports.hashes import row_hashes
from imae_core.data.imports.pictures import read_header
from imae_core.data.store import load_dataset, remove_dataset, rename_dataset, row_names
from imae_core.errors import DatasetError
from imae_core.limits import current_limits
from tests.data.imports.files import image_arrays, jpeg, npz, pictures, png, table, written, zip_of


def quiet(*_):
    pass


def imported(home, path, **options):
    report = import_dataset(home, path, ImportOptions(name="mine", **options), quiet)
    return load_dataset(home, "mine"), report


# -- pictures ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("zip") is None, reason="needs zip")
def test_zip_from_the_zip_command(tmp_path):
    for name, content in pictures(per_class=10).items():
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(content)
    (tmp_path / "pets" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "pets" / "notes.txt").write_bytes(b"x")
    subprocess.run(["zip", "-q", "-r", "pets.zip", "pets"], cwd=tmp_path, check=True)
    data, report = imported(tmp_path, tmp_path / "pets.zip")
    assert data.class_names == ("cat", "dog")
    assert data.input_shape == (3, 8, 8)
    assert (data.num_train, data.num_test) == (16, 4)
    assert np.bincount(data.test_labels).tolist() == [2, 2]
    assert not data.labels_are_true
    assert report["skipped"] == [{"reason": "not a picture", "count": 1, "examples": ["pets/notes.txt"]}]
    names = row_names(tmp_path, "mine")
    first = Image.open(tmp_path / names[0]).convert("RGB")
    np.testing.assert_array_equal(data.train_inputs[0], np.asarray(first).transpose(2, 0, 1))


def test_split_folders_and_grey_pictures(tmp_path):
    files = {}
    for split, count in (("train", 4), ("test", 2)):
        for label in ("0", "1", "10", "2"):
            files |= {f"data/{split}/{label}/{n}.png": png(10 * n + int(label), mode="L") for n in range(count)}
    data, _ = imported(tmp_path, zip_of(tmp_path / "a.zip", files))
    assert data.class_names == ("0", "1", "2", "10")
    assert data.input_shape == (1, 8, 8)
    assert (data.num_train, data.num_test) == (16, 8)
    assert data.shift is None


def test_a_folder_with_a_link_that_leads_out(tmp_path):
    for name, content in pictures().items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    (tmp_path / "secret.jpg").write_bytes(jpeg(5))
    (tmp_path / "in" / "cat" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    data, report = imported(tmp_path, tmp_path / "in")
    assert data.num_train + data.num_test == 10
    assert report["skipped"][0]["reason"] == "a link that leads to another place"


def test_pictures_of_several_sizes_turned_and_transparent(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    files = pictures() | {
        "cat/wide.jpg": jpeg(1, (200, 100)),
        "cat/turned.jpg": jpeg(2, (100, 200), exif=exif.tobytes()),
        "dog/clear.png": png((255, 0, 0, 0), (90, 90), "RGBA"),
    }
    data, report = imported(tmp_path, zip_of(tmp_path / "a.zip", files))
    assert data.input_shape == (3, 64, 64)
    assert {entry["what"] for entry in report["changed"]} == {
        "turned upright as its EXIF orientation says",
        "transparency is laid on white",
    }
    assert {(entry["height"], entry["width"]) for entry in report["sizes"]} == {(8, 8), (100, 200), (90, 90)}
    names = row_names(tmp_path, "mine") + row_names(tmp_path, "mine", "test")
    clear = np.concatenate([data.train_inputs, data.test_inputs])[names.index("dog/clear.png")]
    assert (clear == 255).all(), "a fully transparent picture is white"


@pytest.mark.parametrize("after_pixels", [False, True])
def test_a_png_is_turned_wherever_it_says_so(tmp_path, after_pixels):
    """Pillow finds a chunk that follows the pixels only by decoding them, which is spared where there is none."""
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (16, 8), (200, 30, 30)).save(buffer, format="PNG")
    content, chunk = buffer.getvalue(), exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(chunk)) + b"eXIf" + chunk + struct.pack(">I", zlib.crc32(b"eXIf" + chunk))
    place = content.index(b"IEND" if after_pixels else b"IDAT") - 4
    files = {f"{label}/{n}.png": content[:place] + chunk + content[place:] for label in "ab" for n in range(3)}
    data, report = imported(tmp_path, zip_of(tmp_path / "a.zip", files))
    assert data.input_shape == (3, 16, 8)
    assert report["changed"][0]["what"] == "turned upright as its EXIF orientation says"


def test_headers_of_pngs_are_read_without_their_pixels(tmp_path, monkeypatch):
    decoded = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: decoded.append(image))
    header = read_header(png(size=(16, 8)), "a.png", current_limits())
    assert (header.height, header.width, header.notes) == (8, 16, ())
    assert not decoded


def test_sixteen_bits_are_scaled(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(buffer, format="PNG")
    files = {f"{label}/{n}.png": buffer.getvalue() for label in "ab" for n in range(3)}
    data, report = imported(tmp_path, zip_of(tmp_path / "a.zip", files))
    assert (np.asarray(data.train_inputs) == 40_000 // 257).all()
    assert "more than 8 bits" in report["changed"][0]["what"]


def test_duplicates_within_across_and_in_conflict(tmp_path):
    files = {}
    for split in ("train", "test"):
        files |= pictures(4, prefix=f"{split}/")
    files["train/dog/again.jpg"] = files["train/cat/0.jpg"]
    report = imported(tmp_path, zip_of(tmp_path / "a.zip", files))[1]["duplicates"]
    assert (report["train"], report["across"], report["conflicting"]) == (1, 8, 1)
    assert {entry["label"] for entry in report["groups"][0]} == {0, 1}, "conflicting groups come first"


def test_a_killed_import_is_cleaned_up_by_the_next(tmp_path):
    stale = tmp_path / "datasets" / ".mine.abc.importing"
    stale.mkdir(parents=True)
    imported(tmp_path, zip_of(tmp_path / "a.zip", pictures()))
    assert not stale.exists()


# -- tables ------------------------------------------------------------------------------------------------------


def test_csv_from_a_spreadsheet_with_bom_semicolons_and_decimal_commas(tmp_path):
    lines = ["Größe;Farbe;Anzahl;label"]
    lines += [f"{n},5;{'rot' if n % 2 else 'grün'};{n};{'ja' if n % 2 else 'nein'}" for n in range(1, 21)]
    data, report = imported(tmp_path, written(tmp_path / "a.csv", "\ufeff" + "\r\n".join(lines) + "\r\n"))
    assert data.feature_names == ("Größe", "Farbe=grün", "Farbe=rot", "Anzahl")
    assert data.class_names == ("ja", "nein")
    rows = np.concatenate([data.train_inputs, data.test_inputs])
    np.testing.assert_allclose(np.sort(rows[:, 0]), np.arange(1, 21) + 0.5)
    assert any("decimal comma" in note for note in report["notes"])


def test_parquet_from_pandas_with_categories_and_missing_values(tmp_path):
    frame = table(40).assign(
        colour=lambda t: pd.Categorical(t["colour"]),
        height=lambda t: t["height"].where(np.arange(40) != 3),
        when=pd.Timestamp("2026-01-01"),
        constant=1,
        label=lambda t: pd.Categorical(t["label"]),
    )
    frame.to_parquet(tmp_path / "a.parquet")
    data, report = imported(tmp_path, tmp_path / "a.parquet")
    assert data.feature_names == ("age", "height", "colour=green", "colour=red", "constant")
    assert report["skipped"][0]["examples"] == ["column when"]
    facts = {entry["name"]: entry for entry in report["features"]}
    assert facts["height"]["missing"] == 1
    assert facts["constant"]["constant"]
    rows = np.concatenate([data.train_inputs, data.test_inputs])
    assert np.isclose(rows[:, 1], frame["height"].mean(), atol=1e-6).any(), "a missing value is the column's mean"
    assert np.isfinite(rows).all()


def test_tables_are_scaled_to_0_and_1_by_their_training_rows(tmp_path):
    import torch

    from imae_core.data.batches import DeviceData
    from imae_core.data.normalization import normalization

    table(200).to_csv(tmp_path / "a.csv", index=False)
    data, _ = imported(tmp_path, tmp_path / "a.csv")
    batch = DeviceData.from_split(data, "train", torch.device("cpu"), normalization(data)).inputs(
        torch.arange(data.num_train)
    )
    torch.testing.assert_close(batch.amin(0), torch.zeros(4))
    torch.testing.assert_close(batch.amax(0), torch.ones(4))


def test_true_labels_and_a_split_column(tmp_path):
    frame = table(40)
    wrong = frame["label"].where(np.arange(40) % 5 > 0, "no")
    frame = frame.assign(true_label=frame["label"], label=wrong, split=["train"] * 30 + ["test"] * 10)
    frame.to_csv(tmp_path / "a.csv", index=False)
    data, _ = imported(tmp_path, tmp_path / "a.csv")
    assert (data.num_train, data.num_test) == (30, 10)
    assert data.labels_are_true
    assert (data.train_labels != data.train_true_labels).sum() == (frame["label"] != frame["true_label"])[:30].sum()
    assert [data.class_names[label] for label in data.test_labels] == frame["true_label"][30:].tolist()


def test_an_index_column_of_pandas_is_left_out(tmp_path):
    table().to_csv(tmp_path / "a.csv")
    data, report = imported(tmp_path, tmp_path / "a.csv")
    assert "age" in data.feature_names
    assert "no name" in report["skipped"][0]["reason"]


def test_latin_1_where_it_is_named(tmp_path):
    text = "a,label\n" + "1,café\n2,tea\n" * 5
    data, _ = imported(tmp_path, written(tmp_path / "a.csv", text.encode("latin-1")), encoding="latin-1")
    assert data.class_names == ("café", "tea")


# -- arrays ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_of_images_from_numpy(order, tmp_path):
    arrays = image_arrays(class_names=np.array(["dog", "cat"]))
    arrays["images"] = np.array(arrays["images"], order=order)
    data, _ = imported(tmp_path, npz(tmp_path / "a.npz", **arrays))
    assert data.class_names == ("dog", "cat"), "in the order of the file"
    both = np.concatenate([data.train_inputs, data.test_inputs])
    assert sorted(row.tobytes() for row in both) == sorted(
        np.ascontiguousarray(row).tobytes() for row in arrays["images"].transpose(0, 3, 1, 2)
    )


def test_npz_as_keras_names_it_compressed_with_floats(tmp_path):
    arrays = image_arrays(30)
    np.savez_compressed(
        tmp_path / "a.npz", x_train=arrays["images"] / 255, y_train=arrays["labels"][:, None],
        x_test=arrays["images"][:4] / 255, y_test=arrays["labels"][:4],
    )  # fmt: skip
    data, _ = imported(tmp_path, tmp_path / "a.npz")
    assert (data.num_train, data.num_test) == (30, 4)
    np.testing.assert_array_equal(data.train_inputs, arrays["images"].transpose(0, 3, 1, 2))


def test_npz_of_features_with_true_labels(tmp_path):
    features = np.random.default_rng(0).normal(size=(40, 6))
    true = np.arange(40) % 4
    given = np.where(np.arange(40) % 7 == 0, (true + 1) % 4, true)
    data, report = imported(
        tmp_path, npz(tmp_path / "a.npz", features=features, labels=given, true_labels=true, odd=true)
    )
    assert data.input_shape == (6,)
    assert data.has_own_noise
    assert report["skipped"][0]["examples"] == ["odd"]


# -- afterwards --------------------------------------------------------------------------------------------------


def test_label_file_by_index_and_by_name(tmp_path):
    data, _ = imported(tmp_path, zip_of(tmp_path / "a.zip", pictures(10)))
    names = row_names(tmp_path, "mine")
    given = np.asarray(data.train_labels).copy()
    given[:3] = 1 - given[:3]
    frame = pd.DataFrame(
        {
            "index": range(data.num_train),
            "file": names,
            "given_label": [data.class_names[label] for label in given],
            "true_label": [data.class_names[label] for label in data.train_labels],
        }
    )
    for column, name in (("index", "by-index"), ("file", "by-file")):
        frame.sample(frac=1, random_state=0).drop(columns="index" if column == "file" else "file").to_csv(
            tmp_path / "labels.csv", index=False
        )
        report = import_labels(tmp_path, "mine", tmp_path / "labels.csv", name, quiet)
        noisy = load_dataset(tmp_path, name)
        np.testing.assert_array_equal(noisy.train_labels, given)
        np.testing.assert_array_equal(noisy.train_true_labels, data.train_labels)
        np.testing.assert_array_equal(noisy.train_inputs, data.train_inputs)
        assert "are the same" in report["notes"][1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.assign(true_label=f["true_label"].iloc[::-1].to_numpy()), "the true label is said to be"),
        (lambda f: f.iloc[1:], "1 of 1,297 training rows have no label"),
        (lambda f: pd.concat([f, f.iloc[:1]]), "named twice"),
        (lambda f: f.assign(given_label="owl"), "'owl' is no class"),
        (lambda f: f.assign(index=f["index"] + 1).drop(columns="true_label"), "is no row of digits"),
        (lambda f: f.drop(columns="given_label"), "no column for the labels"),
        (lambda f: f.drop(columns="index"), "no column for the rows"),
    ],
)
def test_label_files_that_do_not_fit(change, words, tmp_path):
    labels = load_dataset(tmp_path, "digits").train_labels
    frame = pd.DataFrame({"index": range(len(labels)), "given_label": labels, "true_label": labels})
    change(frame).to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(DatasetError, match=words):
        import_labels(tmp_path, "digits", tmp_path / "labels.csv", "noisy", quiet)
    assert not (tmp_path / "datasets" / "noisy").exists()


def test_renamed_data_sets_are_found_under_their_former_name(tmp_path):
    path = zip_of(tmp_path / "a.zip", pictures())
    imported(tmp_path, path)
    rename_dataset(tmp_path, "mine", "yours")
    assert load_dataset(tmp_path, "mine").name == "yours"
    with pytest.raises(DatasetError, match="former name"):
        imported(tmp_path, path)
    rename_dataset(tmp_path, "yours", "mine")
    assert load_dataset(tmp_path, "mine").name == "mine"
    remove_dataset(tmp_path, "mine")
    imported(tmp_path, path)


def test_names_from_files():
    assert name_from("My pets (1).zip") == "My-pets-1"
    assert name_from("../../etc/passwd") == "passwd"
    assert name_from("....csv") == "data"


@pytest.mark.parametrize("missing", ["", "NA", "?"])
def test_numbers_are_the_same_with_and_without_a_missing_one(tmp_path, missing):
    """A column of numbers alone is read at once, one with something else cell by cell."""
    texts = [" 1.5", "+2", "3e1", ".25", "5.", "6", "-7", "8"]
    rows = [f"{text},{'ab'[place % 2]}" for place, text in enumerate(texts)]
    whole, _ = imported(tmp_path, written(tmp_path / "whole.csv", "\n".join(["x,label", *rows])))
    remove_dataset(tmp_path, "mine")
    files = "\n".join(["x,label", *rows, f"{missing},a", f"{missing},b"])
    data, report = imported(tmp_path, written(tmp_path / "missing.csv", files))
    values = {round(float(x), 6) for x in np.concatenate([whole.train_inputs, whole.test_inputs])[:, 0]}
    assert values == {1.5, 2, 30, 0.25, 5, 6, -7, 8}
    mean = round(sum(values) / len(values), 6)
    assert {round(float(x), 6) for x in np.concatenate([data.train_inputs, data.test_inputs])[:, 0]} == values | {mean}
    assert report["changed"][0]["count"] == 2


@pytest.mark.parametrize(
    "rows", [np.arange(24, dtype=np.uint8).reshape(4, 2, 3), np.ones((3, 5), np.float32).T, np.zeros((0, 7))]
)
def test_a_row_is_hashed_by_its_bytes(rows):
    """Data sets of one name are told apart by these, from one version of this program to the next."""
    one_by_one = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows]
    assert row_hashes(rows).tobytes() == b"".join(one_by_one)
