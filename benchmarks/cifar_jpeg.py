"""ResNet20 on CIFAR-10 (JPEG q75): a run's speed, its falling loss, its progress within the epoch, and stop.

    python -m benchmarks.cifar_jpeg ../shared/data/cifar10-jpeg.tar.xz --iterations 60

The archive's pictures are rewritten as the official pickled batches and go through the real picker. They are a lossy
re-encoding: no number from them is comparable with results on the official bytes.
"""

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from imae_core.data.pickers import prepare_builtin
from imae_core.data.store import is_ready, load_dataset
from imae_core.models import build_model
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder
from tests.data.official import CIFAR10_NAMES, write_cifar10


class _Patch:
    """The one method of pytest's monkeypatch that the writer needs; undone by the end of the process."""

    setattr = staticmethod(setattr)


def read_archive(archive: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Both splits as (N, 32, 32, 3) uint8 and (N,) labels, the rows of all classes in turn."""
    splits: dict[str, list[tuple[str, int, np.ndarray]]] = {"train": [], "test": []}
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = Path(member.name).parts
            if member.isfile() and member.name.endswith(".jpg"):
                split, name = parts[-3], parts[-2]
                picture = np.asarray(Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB"))
                splits[split].append((parts[-1], CIFAR10_NAMES.index(name), picture))
    result = {}
    for split, rows in splits.items():
        rows.sort(key=lambda row: row[:2])
        result[split] = (np.stack([row[2] for row in rows]), np.array([row[1] for row in rows]))
    return result


def prepare(archive: Path, home: Path) -> float:
    """Writes the official batches and picks them; returns the picker's seconds."""
    data = read_archive(archive)
    write_cifar10(home / "datasets", *data["train"], *data["test"], _Patch)
    started = time.perf_counter()
    prepare_builtin(home, "cifar10", lambda *_: None)
    return time.perf_counter() - started


def imae(home: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "imae_core", *arguments, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--home", type=Path, help="keep the prepared data here; default: a temporary folder")
    parser.add_argument("--iterations", type=int, default=60)
    options = parser.parse_args()
    if not options.archive.exists():
        sys.exit(f"{options.archive} is not here: this benchmark needs the JPEG copy of CIFAR-10")
    with tempfile.TemporaryDirectory() as temporary:
        home = (options.home or Path(temporary)).resolve()
        (home / "datasets").mkdir(parents=True, exist_ok=True)
        if not is_ready(home, "cifar10"):
            print(f"picked from official batches in {prepare(options.archive, home):.1f} s")
        data = load_dataset(home, "cifar10")
        print(f"{data.num_train:,} + {data.num_test:,} pictures, classes {', '.join(data.class_names)}")
        parameters = sum(p.numel() for p in build_model("resnet20", data.input_shape, 10, seed=0).parameters())
        print(f"ResNet20: {parameters:,} parameters")
        measure(home, options.iterations)


def measure(home: Path, iterations: int) -> None:
    """One short run to its end on a subset, and one on all pictures that is stopped within its first epoch."""
    common = ["--dataset", "cifar10", "--recipe", "he", "--model", "resnet20", "--noise-rate", "0.4", "--loss", "imae"]
    done = imae(
        home, "train", *common, "--num-train", "2000", "--iterations", str(iterations), "--eval-every", "1", "--json"
    )
    result = json.loads(done.splitlines()[-1])
    losses = run_folder(home, result["run_id"]).metrics()["train_loss"]
    print(f"2,000 pictures, {iterations} steps: {result['examples_per_second']:.0f} examples/s in training, mean loss by epoch "
          + ", ".join(f"{loss:.3f}" for loss in losses))  # fmt: skip
    (run_id,) = json.loads(imae(home, "submit", *common, "--json"))["run_ids"]
    folder, store = run_folder(home, run_id), Store(home)
    seen = []
    while len(seen) < 4:
        beat = folder.heartbeat()
        if beat.get("phase") == "training" and beat["batch"] not in [place for place, _ in seen]:
            seen.append((beat["batch"], beat["examples_per_second"]))
        time.sleep(2)
    print(f"50,000 pictures, in the background: batch {' -> '.join(str(place) for place, _ in seen)} of {beat['batches']} "
          f"in epoch 1, {seen[-1][1]:.0f} examples/s")  # fmt: skip
    asked = time.monotonic()
    imae(home, "stop", run_id)
    while not store.get(run_id).has_ended:
        time.sleep(0.05)
    run = store.get(run_id)
    print(f"stop: {run.state} {time.monotonic() - asked:.1f} s after asking ({run.message})")


if __name__ == "__main__":
    main()
