"""Snapshots of training, from which a job that was killed goes on."""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import torch
from safetensors import SafetensorError
from torch import Tensor

from ossum.storage import tensors as tensor_files
from ossum.storage.files import digest

_SHARE = 0.01  # of the time may be spent on writing snapshots
_LEAST_SECONDS = 0.5  # between two snapshots
_BYTES_PER_SECOND = 1e8  # of a slow disk, until a first snapshot shows the true speed


class Checkpoint:
    """The snapshots of one training job: a folder with a file for each ensemble.

    made_from: everything that the results depend on besides the networks, the seed and the training
    options (for example the data set, the device and the code), as values that JSON can write.
    """

    def __init__(self, path: Path, *made_from: object):
        self._path, self._made_from = path, made_from

    def of(self, ensemble: int, *made_from: object) -> "Snapshot":
        """The snapshot of one of the ensembles, by its number; `made_from` describes it."""
        made_from = (*self._made_from, *made_from, torch.__version__)
        return Snapshot(self._path / f"ensemble-{ensemble}.safetensors", digest(*made_from))

    def remove(self) -> None:
        """Delete all snapshots, once the results are written."""
        shutil.rmtree(self._path, ignore_errors=True)


class Snapshot:
    """The state of one training in a file, written now and then.

    made_from: a digest of what the training depends on. Other snapshots are not used.
    """

    def __init__(self, path: Path, made_from: str):
        self._path, self._made_from = path, made_from
        self._speed = _BYTES_PER_SECOND
        self._last = monotonic()

    def load(self) -> tuple[dict[str, Tensor], dict] | None:
        """(tensors, facts) as last saved; None if there is no usable snapshot."""
        try:
            tensors, facts = tensor_files.load(self._path)
            if facts.pop("made_from") != self._made_from:
                raise ValueError(f"{self._path} is of other networks, options, code or torch")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError) as error:
            logging.warning("ignoring a snapshot: %s", error)
            return None
        return tensors, facts

    def save_if_due(self, tensors: Mapping[str, Tensor], **facts: object) -> None:
        """Replace the snapshot, unless writing would take more than _SHARE of the time.

        A snapshot that cannot be written is no error: the training goes on without one.
        """
        start, size = monotonic(), sum(tensor.nbytes for tensor in tensors.values())
        if start - self._last < max(_LEAST_SECONDS, size / self._speed / _SHARE):
            return
        on_processor = {name: tensor.cpu() for name, tensor in tensors.items()}
        try:
            tensor_files.save(on_processor, self._path, made_from=self._made_from, **facts)
            logging.info("snapshot %s", self._path)
        except (OSError, SafetensorError) as error:
            logging.warning("no snapshot: %s", error)
        self._last = monotonic()
        self._speed = size / max(self._last - start, 1e-9)
