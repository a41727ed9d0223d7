"""Activations that are computed once and read many times, and products with them.

A step of mask training multiplies the activations of a batch twice with the weights of all classes.
Each value is used twenty times, so on a processor the time goes into moving it: rows are taken out
of the table, made float32, and read once for each product. `HalfProducts` does all of that while a
piece of a row is in the core's own cache, which takes a third of the time. It is compiled by numba;
without numba `PlainProducts` does the same in torch.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ossum.networks.forward import Activations

# Narrower rows do not pay for handing each product to threads.
NARROWEST = 5_000


_VECTOR = 64


class CachedActivations:
    """Reads rows of a table of activations, float16 [N, d], as float32 [n, d].

    places: where each example is in the table, int64 [N], if not in its own place.
    on_read: is told how many rows are read.

    Each call fills the same arrays: fresh ones of this size would cost more than filling them,
    because the system hands out their pages one by one.
    """

    def __init__(self, table: Tensor, places: Tensor | None, most_rows: int):
        self.table = table
        self.on_read: Callable[[int], None] = lambda n: None
        self._places, self._most_rows = places, most_rows
        self._arrays: tuple[Tensor, Tensor] | None = None

    def find(self, rows: Tensor) -> Tensor:
        """Rows of the table, int64 [n], of these examples, which are about to be read."""
        self.on_read(len(rows))
        return rows if self._places is None else self._places[rows]

    def __call__(self, rows: Tensor) -> Tensor:
        if self._arrays is None:
            half = self.table.new_empty(self._most_rows, self.table.shape[1])
            self._arrays = half, half.float()
        n, (half, full) = len(rows), self._arrays
        torch.index_select(self.table, 0, self.find(rows), out=half[:n])
        return full[:n].copy_(half[:n])


class Products(Protocol):
    """What a step of mask training needs of the activations a [n, d] of a batch.

    classes: weights and deltas must have a multiple of so many rows.
    """

    classes: int

    def logits(self, rows: Tensor, weights: Tensor) -> Tensor:
        """weights a^T [K, n] of the examples `rows`, int64 [n]; weights [K, d]."""
        ...

    def gradient(self, delta: Tensor, weights: Tensor) -> Tensor:
        """sum_k weights[k] * (delta a)[k], float32 [d], of the same examples; delta [K, n]."""
        ...


def products(activations: Activations) -> Products:
    """The faster kind, where the activations are cached on the processor and numba is there."""
    if not isinstance(activations, CachedActivations) or activations.table.is_cuda:
        return PlainProducts(activations)
    if activations.table.shape[1] < NARROWEST:
        return PlainProducts(activations)
    try:
        return HalfProducts(activations)
    except (ImportError, RuntimeError):  # not installed, or no folder for what it compiles
        return PlainProducts(activations)


class PlainProducts:
    """On any device. On one thread a product with 10 rows takes more than twice as long as one with
    16."""

    classes = 16

    def __init__(self, activations: Activations):
        self._read = activations

    def logits(self, rows: Tensor, weights: Tensor) -> Tensor:
        self._batch = self._read(rows)
        return weights @ self._batch.T

    def gradient(self, delta: Tensor, weights: Tensor) -> Tensor:
        return (delta @ self._batch).mul_(weights).sum(dim=0)


class HalfProducts:
    """From a float16 table on the processor, by the threads that torch has. Their number changes no
    result: each logit, and each entry of the gradient, is computed by one of them. ImportError
    without numba."""

    classes = 5

    def __init__(self, activations: CachedActivations):
        from ossum.training import half_kernels  # numba takes half a second, and may not be there

        self._kernels = half_kernels
        self._find = activations.find
        self._table = activations.table.numpy().view(np.uint16)
        self._n_threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self._n_threads)

    def logits(self, rows: Tensor, weights: Tensor) -> Tensor:
        self._rows, found = self._find(rows).numpy(), np.empty((len(rows), len(weights)), "f4")
        self._share(self._kernels.logits, len(rows), weights, found)
        return torch.from_numpy(found).T

    def gradient(self, delta: Tensor, weights: Tensor) -> Tensor:
        found = np.empty(weights.shape[1], "f4")
        self._share(self._kernels.gradient, len(found), weights, delta.T.contiguous(), found)
        return torch.from_numpy(found)

    def _share(self, kernel: Callable, n: int, *arrays: Tensor | np.ndarray) -> None:
        """Run a kernel for the n rows or columns of what it fills, a part in each thread."""
        arrays = [each.numpy() if isinstance(each, Tensor) else each for each in arrays]
        # Parts of whole vectors, so that no value is computed in another way in another part.
        share = -(-n // self._n_threads // _VECTOR) * _VECTOR
        parts = [
            self._pool.submit(kernel, self._table, self._rows, *arrays, i, min(i + share, n))
            for i in range(0, n, share)
        ]
        for part in parts:
            part.result()
