"""Digits: 8x8 grey images of handwritten digits that come with scikit-learn. For quick trials."""

from pathlib import Path

import numpy as np

from ossum.datasets.dataset import Arrays, Dataset, Source

N_TRAIN = 1_437


def _decode(folder: Path) -> Arrays:
    from sklearn.datasets import load_digits  # slow to import, and needed only here

    images, labels = load_digits(return_X_y=True)
    # RandomState, because NumPy promises to keep its stream as it is.
    order = np.random.RandomState(0).permutation(len(labels))
    images, labels = images[order].astype(np.uint8), labels[order].astype(np.uint8)
    return {
        "train_images": images[:N_TRAIN],
        "train_labels": labels[:N_TRAIN],
        "test_images": images[N_TRAIN:],
        "test_labels": labels[N_TRAIN:],
    }


DATASET = Dataset(
    max_value=16,
    mean=0.30540,
    std=0.37586,
    sha256={
        "train_images": "8dc700dcd0f18c4f79c8fa7926c2d9b8f09051f75e24799c6c1918f819503716",
        "train_labels": "53f898fb81bedc1960a35a7518e140c110357f1d9c819e15be7eb86813d86b98",
        "test_images": "3e513a101193c0514d97a60d151570d7d1ab8837d20c6d5a76ad044e42edf840",
        "test_labels": "2afb26f01c4ab83cd8bfb3c55e54cc7568449a914de2d2369dc3aeb6168fcd64",
    },
    sources=(Source("scikit-learn", _decode),),
)
