"""The loss and training tests on CUDA and one ResNet20 run on the GPU; without a GPU it says so.

python -m benchmarks.gpu_check        (make gpu-check)
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from imae_core.data.dataset import Dataset
from imae_core.data.store import save_dataset


def synthetic(num_train: int = 10_000, num_test: int = 2000) -> Dataset:
    """Ten classes of 32 x 32 pictures, each a noisy copy of its class's own pattern: no download."""
    generator = np.random.default_rng(0)
    patterns = generator.integers(0, 256, (10, 3, 32, 32))
    labels = generator.integers(0, 10, num_train + num_test)
    noise = generator.normal(0, 60, (len(labels), 3, 32, 32))
    pictures = np.clip(patterns[labels] + noise, 0, 255).astype(np.uint8)
    return Dataset(
        name="patterns",
        title="Synthetic patterns",
        train_inputs=pictures[:num_train],
        train_labels=labels[:num_train],
        test_inputs=pictures[num_train:],
        test_labels=labels[num_train:],
        class_names=tuple(str(label) for label in range(10)),
        scale=1 / 255,
        shift=(0.5, 0.5, 0.5),
        spread=(0.25, 0.25, 0.25),
        flip=True,
    )


def main() -> None:
    if not torch.cuda.is_available():
        print("There is no GPU that PyTorch can use on this machine: nothing was checked.")
        return
    print(f"GPU: {torch.cuda.get_device_name(0)}, torch {torch.__version__}")
    tests = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/losses", "tests/training"]
    subprocess.run(tests, check=True)
    with tempfile.TemporaryDirectory() as home:
        save_dataset(Path(home), synthetic())
        subprocess.run(
            [sys.executable, "-m", "imae_core", "train", "--home", home, "--dataset", "patterns", "--model", "resnet20",
             "--recipe", "he", "--iterations", "800", "--noise-rate", "0.4", "--loss", "imae", "--device", "cuda:0", "--json"],
            check=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
