"""Bad input: a clear message, the list of data sets unchanged, no file left behind."""

import pytest

from imae_core.data.imports import ImportOptions, import_dataset
from imae_core.data.store import list_datasets
from imae_core.errors import DatasetError
from tests.data.imports.files import BAD, pictures, png_that_claims, zip_of


def quiet(*_):
    pass


def left_behind(home):
    return [path for path in (home / "datasets").rglob("*") if path.is_file()] if (home / "datasets").exists() else []


@pytest.mark.parametrize("case", BAD)
def test_is_refused_and_leaves_nothing(case, tmp_path):
    make, words = BAD[case]
    (tmp_path / "files").mkdir()
    path = make(tmp_path / "files")
    home = tmp_path / "home"
    home.mkdir()
    before = list_datasets(home)
    with pytest.raises(DatasetError) as caught:
        import_dataset(home, path, ImportOptions(name="mine"), quiet)
    message = str(caught.value)
    assert any(word in message for word in words.split("|")), message
    assert "\n" not in message
    assert len(message) < 500
    assert list_datasets(home) == before
    assert left_behind(home) == []


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".hidden", "x" * 101, "digits", "cifar10"])
def test_names_that_are_paths_or_taken(name, tmp_path):
    path = zip_of(tmp_path / "a.zip", pictures())
    with pytest.raises(DatasetError, match=r"name"):
        import_dataset(tmp_path / "home", path, ImportOptions(name=name), quiet)
    assert left_behind(tmp_path / "home") == []


def test_a_name_is_taken_once(tmp_path):
    path = zip_of(tmp_path / "a.zip", pictures())
    import_dataset(tmp_path, path, ImportOptions(name="mine"), quiet)
    with pytest.raises(DatasetError, match="there is a data set 'mine' already"):
        import_dataset(tmp_path, path, ImportOptions(name="mine"), quiet)


def test_a_name_taken_while_importing(tmp_path):
    path = zip_of(tmp_path / "a.zip", pictures())

    def other_import(*_):
        (tmp_path / "datasets" / "mine").mkdir(exist_ok=True)

    with pytest.raises(DatasetError, match="already"):
        import_dataset(tmp_path, path, ImportOptions(name="mine"), other_import)
    assert left_behind(tmp_path) == []


def test_limits_come_from_the_environment(tmp_path, monkeypatch):
    path = zip_of(tmp_path / "a.zip", pictures())
    monkeypatch.setenv("IMAE_LIMIT_ARCHIVE_FILES", "9")
    with pytest.raises(DatasetError, match="10 entries; at most 9"):
        import_dataset(tmp_path, path, ImportOptions(name="mine"), quiet)
    monkeypatch.setenv("IMAE_LIMIT_ARCHIVE_FILES", "many")
    with pytest.raises(ValueError, match="IMAE_LIMIT_ARCHIVE_FILES"):
        import_dataset(tmp_path, path, ImportOptions(name="mine"), quiet)


def test_total_size_is_limited(tmp_path, monkeypatch):
    path = zip_of(tmp_path / "a.zip", pictures())
    monkeypatch.setenv("IMAE_LIMIT_ARCHIVE_GIGABYTES", "0.000001")
    with pytest.raises(DatasetError, match="unpacks to more than"):
        import_dataset(tmp_path, path, ImportOptions(name="mine"), quiet)


def test_a_disk_without_space(tmp_path, monkeypatch):
    path = zip_of(tmp_path / "a.zip", pictures())
    monkeypatch.setattr("imae_core.data.imports.writer.free_disk_bytes", lambda _: 600_000)
    with pytest.raises(DatasetError, match="too little space"):
        import_dataset(tmp_path, path, ImportOptions(name="mine"), quiet)
    assert left_behind(tmp_path) == []


def test_a_disk_that_fills_while_writing(tmp_path, monkeypatch):
    path = zip_of(tmp_path / "a.zip", pictures())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("imae_core.data.imports.writer.ArrayFile.append", full)
    with pytest.raises(DatasetError, match="is full; nothing was kept"):
        import_dataset(tmp_path, path, ImportOptions(name="mine"), quiet)
    assert left_behind(tmp_path) == []


def test_cancel_in_the_middle(tmp_path):
    path = zip_of(tmp_path / "a.zip", pictures(per_class=300))

    class CancelError(Exception):
        pass

    def cancel(done, total, *_):
        if total and done > total / 2:
            raise CancelError

    with pytest.raises(CancelError):
        import_dataset(tmp_path, path, ImportOptions(name="mine"), cancel)
    assert left_behind(tmp_path) == []


def test_unreadable_pictures_can_be_left_out_and_are_listed(tmp_path):
    files = pictures(per_class=10) | {"dog/bad.jpg": b"no", "cat/huge.png": png_that_claims(30_000, 30_000)}
    path = zip_of(tmp_path / "a.zip", files)
    report = import_dataset(tmp_path, path, ImportOptions(name="mine", skip_unreadable=True), quiet)
    assert sum(entry["count"] for entry in report["skipped"]) == 2
    listed = (tmp_path / "datasets" / "mine" / "skipped.csv").read_text()
    assert "dog/bad.jpg" in listed
    assert "30,000 x 30,000" in listed
