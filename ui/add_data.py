"""The forms that bring data in: an upload, a file of the import folder, given labels for a data set that is there."""

import os
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from imae_core.data.imports.label_arrays import ARRAY_ENDINGS, given_columns
from imae_core.data.imports.options import name_from
from imae_core.data.imports.pickles import read_label_arrays
from imae_core.data.jobs import forget_upload, job_status, keep_upload, start_job
from imae_core.data.store import DatasetRecord, check_free_name
from imae_core.errors import BadInputError
from imae_core.limits import current_limits
from ui.errors import shown

ENDINGS = ["zip", "csv", "tsv", "txt", "parquet", "npz"]
KINDS = """
| You have | Bring it as |
| --- | --- |
| pictures | a **.zip** with one folder a class (`cat/1.png`, `dog/2.png`), maybe under `train/` and `test/` |
| a table | a **.csv** or **.parquet**: a column `label`, maybe `true_label` and `split`; the other columns are features |
| arrays | an **.npz** with `images` (N, H, W[, C]) uint8 or `features` (N, D), `labels`, maybe `true_labels`, `test_…`, `class_names` |
"""


def import_folder(home: Path) -> Path:
    """Where files too large for a browser are put; `IMAE_IMPORT_FOLDER`, else `imports` in the home."""
    return Path(os.environ.get("IMAE_IMPORT_FOLDER") or home / "imports")


def add_data(home: Path, records: Sequence[DatasetRecord]) -> None:
    """All the ways in, as tabs."""
    limit = int(st.get_option("server.maxUploadSize"))
    upload, folder, labels = st.tabs(["Upload a file", "From the import folder", "Given labels for a data set"])
    with upload:
        _upload(home, limit)
    with folder:
        _from_folder(home)
    with labels:
        _labels(home, [record for record in records if record.ready])


def _upload(home: Path, limit_megabytes: int) -> None:
    st.markdown(KINDS)
    file = st.file_uploader(
        "File", type=ENDINGS, key="upload_file",
        help=f"Up to {limit_megabytes:,} MB; it is held in memory while it arrives. Larger ones: import folder.",
    )  # fmt: skip
    if file is None:
        return
    name, arguments = _options(
        "upload", name_from(file.name), is_table=not file.name.lower().endswith((".zip", ".npz"))
    )
    if st.button("Import", type="primary", icon=":material/upload:", key="upload_go"):
        with shown():
            _refuse_taken(home, name)
            path = keep_upload(home, name, file.name, file.getbuffer())
            try:
                start_job(home, name, "importing", ["add", str(path), "--name", name, *arguments])
            except BaseException:
                forget_upload(path)
                raise
            st.rerun()


def _from_folder(home: Path) -> None:
    folder = import_folder(home)
    st.markdown(
        f"For what is too large for a browser: put a file, or a folder of class folders, into `{folder}` on the machine that "
        "the app runs on. It stays there; the import makes a copy."
    )
    entries = sorted(path for path in folder.glob("[!.]*")) if folder.is_dir() else []
    if not entries:
        st.caption("The folder is empty so far." if folder.is_dir() else "The folder does not exist yet.")
        return
    chosen = st.selectbox("File or folder", entries, format_func=lambda path: path.name, key="import_choice")
    name, arguments = _options(
        "folder", name_from(chosen), is_table=chosen.suffix.lower() in (".csv", ".tsv", ".parquet")
    )
    if st.button("Import", type="primary", icon=":material/upload:", key="folder_go"):
        with shown():
            _refuse_taken(home, name)
            start_job(home, name, "importing", ["add", str(chosen), "--name", name, *arguments])
            st.rerun()


def _labels(home: Path, ready: Sequence[DatasetRecord]) -> None:
    st.markdown(
        "A CSV with a column `index` (row of the training set, from 0) or `file` (its name when it was imported), and "
        "`given_label`. The data set's own labels become the true ones, those of the file the given ones: a new data set "
        "with **known noise**. A column `true_label` is checked to be the same as the data set's. For the human labels of "
        "CIFAR-10N and CIFAR-100N bring the published `.pt` file: its clean labels are compared with the data set's, and "
        "nothing in it is executed."
    )
    names = [record.name for record in ready]
    base = st.selectbox("Data set", names, key="labels_base")
    file = st.file_uploader("Label file", type=["csv", "tsv", "txt", "pt", "npy"], key="labels_file")
    if file is None:
        return
    column = ""
    if file.name.lower().endswith(ARRAY_ENDINGS):
        with shown():
            arrays = read_label_arrays(bytes(file.getbuffer()), file.name, current_limits())
            column = st.selectbox(
                "Labels", given_columns(list(arrays)), key="labels_column",
                help="Which of the file's labels. Of CIFAR-10N, worse_label is wrong for 40 %, aggre_label (the majority of three) "
                "for 9 %, each random_label for 17 to 18 %.",
            )  # fmt: skip
        if not column:
            return
    proposed = "-".join(part for part in (base, name_from(file.name), column) if part)
    name = st.text_input("Name of the new data set", proposed, key=f"labels_name_{proposed}")
    if st.button("Import labels", type="primary", icon=":material/upload:", key="labels_go"):
        with shown():
            _refuse_taken(home, name)
            path = keep_upload(home, name, file.name, file.getbuffer())
            try:
                chosen = ["--column", column] if column else []
                start_job(home, name, "importing", ["labels", base, str(path), "--name", name, *chosen])
            except BaseException:
                forget_upload(path)
                raise
            st.rerun()


def _options(key: str, proposed: str, is_table: bool) -> tuple[str, list[str]]:
    """The name, and command-line arguments for everything that departs from a default."""
    name = st.text_input("Name", proposed, key=f"{key}_name_{proposed}", help="Letters, digits, '_', '-' and '.'")
    arguments = []
    with st.expander("Options", icon=":material/tune:"):
        if is_table:
            columns = st.columns(4)
            for column, (flag, title, default) in zip(columns, TABLE_OPTIONS, strict=True):
                value = column.text_input(title, default, key=f"{key}_{flag}", help=TABLE_HELP[flag])
                if value.strip() and value != default:
                    arguments += [f"--{flag}", value.strip()]
            return name, arguments
        columns = st.columns(3)
        size = columns[0].number_input(
            "Shorter side, pixels", 8, 512, 64, key=f"{key}_size",
            help="Pictures that are larger, or of several sizes, are resized to it and cropped to a square.",
        )  # fmt: skip
        flip = columns[1].selectbox(
            "Mirror when augmenting", ["colour pictures", "yes", "no"], key=f"{key}_flip",
            help="Whether a mirrored picture is still one of its class. A mirrored b is a d.",
        )  # fmt: skip
        skip = columns[2].checkbox(
            "Leave out what cannot be read", key=f"{key}_skip",
            help="Damaged pictures are left out and listed in the report, instead of refusing the whole file.",
        )  # fmt: skip
    arguments += ["--image-size", str(size)] if size != 64 else []
    arguments += {"yes": ["--flip"], "no": ["--no-flip"]}.get(flip, [])
    arguments += ["--skip-unreadable"] if skip else []
    return name, arguments


TABLE_OPTIONS = (
    ("label-column", "Label column", "label"),
    ("true-label-column", "True-label column", "true_label"),
    ("split-column", "Split column", "split"),
    ("encoding", "Encoding", "utf-8"),
)
TABLE_HELP = {
    "label-column": "Its values become the classes.",
    "true-label-column": "Where the true labels are known. Used if the table has it.",
    "split-column": "Says train or test. Used if the table has it; otherwise 20 % are held out.",
    "encoding": "Of a CSV; utf-8, latin-1 or cp1252, for example.",
}


def _refuse_taken(home: Path, name: str) -> None:
    check_free_name(home, name)
    status = job_status(home, name)
    if status is not None and status.state == "running":
        raise BadInputError(f"{name} is being imported already; wait for it, cancel it, or choose another name")
