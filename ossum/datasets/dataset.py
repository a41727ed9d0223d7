"""The description of a data set: where its raw files come from and what they must decode to."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# "train_images" uint8 [N, m], "train_labels" uint8 [N], "test_images", "test_labels".
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Source:
    """One way to a data set.

    decode(folder) reads the raw files in a folder; FileNotFoundError if they are not there.
    fetch(folder), if the source has one, puts those files there.
    files: the names of those files, for people who have to put them there by hand.
    """

    name: str
    decode: Callable[[Path], Arrays]
    fetch: Callable[[Path], None] | None = None
    files: str = ""


@dataclass(frozen=True)
class Dataset:
    """Sources in the order in which they are tried, and the constants of the data.

    Pixels run from 0 to `max_value`; an input is (pixel / max_value - mean) / std.
    sha256: of the bytes of each decoded array, whichever source it comes from.
    """

    max_value: int
    mean: float
    std: float
    sha256: Mapping[str, str]
    sources: tuple[Source, ...]

    def verify(self, arrays: Arrays, split: str = "") -> None:
        """Check the arrays of all splits, or of one ("train" or "test"), byte for byte.

        ValueError naming the first array that is missing or not the published one.
        """
        for key, expected in self.sha256.items():
            if not key.startswith(split):
                continue
            if key not in arrays:
                raise ValueError(f"{key} is missing")
            found = hashlib.sha256(np.ascontiguousarray(arrays[key])).hexdigest()
            if found != expected:
                raise ValueError(f"{key} is damaged: its SHA-256 is {found}, expected {expected}")
