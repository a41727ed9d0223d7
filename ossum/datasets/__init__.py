"""Data sets: `prepare` makes one file of a data set, once; `load` opens a split of it.

Their names are in `ossum.config.registry`. A new data set is a module here with a `DATASET`, and a
line there.
"""

from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ossum.config.registry import DATASETS, lookup
from ossum.datasets.dataset import Arrays, Dataset
from ossum.datasets.sources import obtain
from ossum.datasets.split import Split
from ossum.storage.files import atomic, digest

__all__ = ["Split", "load", "prepare"]


def prepare(name: str, path: Path, folder: Path) -> None:
    """Obtain the data set, verify it, and write it as one safetensors file at `path`, atomically.

    `folder` is where raw files may already be and where downloads are kept. ValueError for an
    unknown name; RuntimeError that says what to do if no source works.
    """
    dataset = _dataset(name)
    arrays = obtain(name, dataset, folder)
    _check_shapes(name, arrays)
    with atomic(path) as temporary:
        save_file(arrays, temporary, {"dataset": name, "sha256": digest(dict(dataset.sha256))})


def load(path: str | Path, split: Literal["train", "test"]) -> Split:
    """A split of a file made by `prepare`, which is checked and must be named after its data set.

    ValueError naming the file if it is damaged, of another data set or something else.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            name = metadata.get("dataset", "")
            keys = images_key, labels_key = f"{split}_images", f"{split}_labels"
            tensors = {key: file.get_tensor(key) for key in keys}
        dataset = _dataset(name)
        if name != Path(path).stem:
            raise ValueError(f"it holds {name}")
        if metadata.get("sha256") != digest(dict(dataset.sha256)):
            raise ValueError("it holds other arrays than this version of the code expects")
        dataset.verify({key: tensor.numpy() for key, tensor in tensors.items()}, split)
    except (SafetensorError, ValueError) as error:
        raise ValueError(
            f"{path} is not the prepared data set of that name ({error}): delete it and run "
            "again, and it is made anew"
        ) from error
    return Split(
        images=tensors[images_key],
        labels=tensors[labels_key].long(),
        max_value=dataset.max_value,
        mean=dataset.mean,
        std=dataset.std,
        n_classes=DATASETS[name].n_classes,
    )


def _check_shapes(name: str, arrays: Arrays) -> None:
    """ValueError if arrays are not what the registry says of the data set."""
    spec = DATASETS[name]
    for split, count in (("train", spec.n_train), ("test", spec.n_test)):
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        if images.dtype != np.uint8 or images.shape != (count, spec.input_size):
            raise ValueError(
                f"{name}: {split}_images must be uint8 [{count}, {spec.input_size}], "
                f"got {images.dtype} {list(images.shape)}"
            )
        if labels.dtype.kind not in "iu" or labels.shape != (count,):
            raise ValueError(
                f"{name}: {split}_labels must be integers [{count}], "
                f"got {labels.dtype} {list(labels.shape)}"
            )
        if not 0 <= int(labels.min()) <= int(labels.max()) < spec.n_classes:
            raise ValueError(
                f"{name}: {split}_labels must lie in 0..{spec.n_classes - 1}, "
                f"got {int(labels.min())}..{int(labels.max())}"
            )


def _dataset(name: str) -> Dataset:
    return import_module(lookup(DATASETS, name, "data set").module).DATASET
