"""Human labels from .pt and .npy files: read as published, and never executed."""

import io
import json
import os
import pickle
import pickletools
import zipfile

import numpy as np
import pytest
from typer.testing import CliRunner

from imae_core.cli.options import app
from imae_core.data.digits import load_digits
from imae_core.data.imports import import_labels
from imae_core.data.imports.pickles import read_label_arrays
from imae_core.data.store import import_report, load_dataset
from imae_core.errors import DatasetError
from imae_core.limits import Limits

CLEAN = load_digits().train_labels
WORSE = np.where(np.arange(len(CLEAN)) % 5 < 2, (CLEAN + 1) % 10, CLEAN)
ARRAYS = {"clean_label": CLEAN, "worse_label": WORSE, "aggre_label": np.roll(CLEAN, 1)}


def torch_zip(arrays):
    torch = pytest.importorskip("torch")
    stream = io.BytesIO()
    torch.save(arrays, stream)
    return stream.getvalue()


def torch_legacy(arrays):
    torch = pytest.importorskip("torch")
    stream = io.BytesIO()
    torch.save(arrays, stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


def numpy_object(arrays):
    stream = io.BytesIO()
    np.save(stream, arrays, allow_pickle=True)
    return stream.getvalue()


def old_numpy(arrays):
    """As numpy 1 wrote it: the module was `numpy.core`."""
    return repacked(
        torch_zip(arrays), lambda content: content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    )


def zip_of(pickled):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
    return stream.getvalue()


def repacked(content, change):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return zip_of(change(archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))))


def read(content, name="labels.pt", **limits):
    return read_label_arrays(content, name, Limits(**limits))


@pytest.mark.parametrize("form", [torch_zip, torch_legacy, numpy_object, old_numpy])
@pytest.mark.parametrize("dtype", ["<i8", ">i4", "u1"])
def test_every_published_form_is_read(form, dtype):
    found = read(form({name: labels.astype(dtype) for name, labels in ARRAYS.items()} | {"note": "human"}))
    assert set(found) == set(ARRAYS)
    for name, labels in ARRAYS.items():
        np.testing.assert_array_equal(found[name], labels)
        assert found[name].dtype == np.int64


class Evil:
    """Would write a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class Evaluates(Evil):
    def __reduce__(self):
        return eval, (f"open({str(self.path)!r}, 'w')",)


@pytest.mark.parametrize("kind", [Evil, Evaluates])
@pytest.mark.parametrize("form", [torch_zip, torch_legacy, numpy_object])
@pytest.mark.parametrize("where", ["value", "instead"])
def test_a_malicious_pickle_is_refused_and_not_executed(tmp_path, kind, form, where):
    target = tmp_path / "executed"
    evil = kind(target)
    content = form(ARRAYS | {"worse_label": evil} if where == "value" else evil)
    with pytest.raises(DatasetError, match="is refused: its pickle has the name .*Nothing of it was executed"):
        read(content)
    assert not target.exists()
    with pytest.raises(DatasetError):
        import_labels(tmp_path, "digits", written(tmp_path, content), "evil", lambda *_: None)
    assert not target.exists()
    assert not (tmp_path / "datasets" / "evil").exists()


def written(folder, content, name="evil.pt"):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "its pickle has STRING"),
        (b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.", "the name posix.system"),
        (b"(iposix\nsystem\n.", "its pickle has INST"),
        (b"\x80\x02cbuiltins\ngetattr\n.", "the name builtins.getattr"),
        (b"\x80\x02cnumpy\nload\n.", "the name numpy.load"),
        (b"\x80\x02cnumpy.core.multiarray\nscalar\n.", "the name numpy.core.multiarray.scalar"),
        (b"\x80\x02}r\xff\xff\xff\x7f.", "its pickle has LONG_BINPUT"),
        (b"\x80\x02\x82\x01.", "its pickle has EXT1"),
        (b"\x80\x02}\x81.", "its pickle has NEWOBJ"),
        (b"\x80\x02X\x01\x00\x00\x00aQ.", "torch tensors; only numpy arrays"),
        (b"\x80\x02cnumpy\ndtype\nX\x08\x00\x00\x00__code__K\x01\x86b.", "is damaged, or no file of label arrays"),
        (b"\x80\x02}.", "no one-dimensional array of whole numbers"),
        (b"\x80\x02].", "holds no arrays by name"),
        (b"\x80\x02", "is damaged, or no file of label arrays"),
    ],
)
def test_what_a_dict_of_arrays_does_not_need_is_refused(pickled, message):
    with pytest.raises(DatasetError, match=message):
        read(zip_of(pickled))


def test_cut_and_changed_files_are_refused_cleanly():
    random = np.random.default_rng(0)
    for form in (torch_zip, torch_legacy, numpy_object):
        whole = form({name: labels[:50] for name, labels in ARRAYS.items()})
        for _ in range(150):
            broken = bytearray(whole[: random.integers(1, len(whole))] if random.random() < 0.3 else whole)
            for place in random.integers(0, len(broken), 4):
                broken[place] = random.integers(0, 256)
            try:
                for labels in read(bytes(broken)).values():
                    assert labels.dtype == np.int64
            except DatasetError:
                pass


def test_sizes_are_limited():
    content = torch_zip({"clean_label": np.zeros(100_000, dtype=np.int64), "worse_label": CLEAN})
    with pytest.raises(DatasetError, match="more than 0.5 MB"):
        read(content, label_file_megabytes=0.5)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 3_000_000)
    with pytest.raises(DatasetError, match="unpacks to more than 1 MB"):
        read(bomb.getvalue(), label_file_megabytes=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps(ARRAYS, protocol=2), "neither a file of torch.save nor a .npy"),
        (b"index,given_label\n", "is damaged|neither a file"),
        (zip_of(b"").replace(b"data.pkl", b"date.pkl"), "has no data.pkl"),
    ],
)
def test_other_files_are_refused(content, message):
    with pytest.raises(DatasetError, match=message):
        read(content)


def test_a_plain_array_proves_no_order():
    stream = io.BytesIO()
    np.save(stream, WORSE)
    with pytest.raises(DatasetError, match="nothing shows whether its order is the data set's"):
        read(stream.getvalue(), "labels.npy")


def test_human_labels_become_a_data_set_with_known_noise(home):
    path = written(home, torch_zip(ARRAYS), "human.pt")
    report = import_labels(home, "digits", path, "worse", lambda *_: None, "worse_label")
    data = load_dataset(home, "worse")
    np.testing.assert_array_equal(data.train_labels, WORSE)
    np.testing.assert_array_equal(data.train_true_labels, CLEAN)
    np.testing.assert_array_equal(data.train_inputs, load_digits().train_inputs)
    assert f"{len(CLEAN):,} true labels in the file were compared and are the same" in report["notes"]
    assert any("40.0% differ" in note or "40.1% differ" in note for note in report["notes"])


@pytest.mark.parametrize(
    ("arrays", "column", "message"),
    [
        (ARRAYS, "", "has several kinds of labels; choose a column of: worse_label, aggre_label"),
        (ARRAYS, "clean_label", "has no labels 'clean_label'"),
        (ARRAYS, "random_label1", "has no labels 'random_label1'"),
        (ARRAYS | {"clean_label": np.roll(CLEAN, 3)}, "worse_label", r"[\d,]+ of the 1,297 clean labels in human.pt are not those of digits"),
        (ARRAYS | {"worse_label": WORSE + 5}, "worse_label", "but digits has the classes 0 to 9"),
        (ARRAYS | {"worse_label": WORSE[:9]}, "worse_label", "worse_label has 9 labels, but digits has 1,297"),
        ({"noisy_label": WORSE}, "", "has no clean_label"),
    ],
)  # fmt: skip
def test_labels_that_do_not_belong_are_refused(home, arrays, column, message):
    path = written(home, torch_zip(arrays), "human.pt")
    with pytest.raises(DatasetError, match=message):
        import_labels(home, "digits", path, "worse", lambda *_: None, column)
    assert not (home / "datasets" / "worse").exists()


def test_the_command_line_takes_a_column(home):
    path = written(home, numpy_object(ARRAYS), "human.npy")
    called = CliRunner().invoke(
        app, ["datasets", "labels", "digits", str(path), "--column", "aggre_label", "--json", "--home", str(home)]
    )
    assert called.exit_code == 0, called.output
    assert json.loads(called.stdout.splitlines()[-1])["name"] == "digits-human-aggre_label"
    np.testing.assert_array_equal(load_dataset(home, "digits-human-aggre_label").train_labels, ARRAYS["aggre_label"])
    assert import_report(home, "digits-human-aggre_label")["kind"] == "given labels"


def test_a_single_kind_of_labels_needs_no_column(home):
    path = written(home, torch_legacy({"clean_label": CLEAN, "noisy_label": WORSE}), "human.pt")
    import_labels(home, "digits", path, "noisy", lambda *_: None)
    np.testing.assert_array_equal(load_dataset(home, "noisy").train_labels, WORSE)


def test_what_is_read_needs_only_the_opcodes_that_are_allowed():
    """So that a numpy that pickles in another way shows here."""
    from imae_core.data.imports.pickles import OPCODES

    with zipfile.ZipFile(io.BytesIO(torch_zip(ARRAYS))) as archive:
        pickled = archive.read("archive/data.pkl")
    assert {opcode.name for opcode, _, _ in pickletools.genops(pickled)} <= OPCODES
