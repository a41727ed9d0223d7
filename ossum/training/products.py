"""Products with activations that are read many times.

A step of mask training multiplies the activations of a batch twice with the weights of all classes.
Each value is used twenty times, so on a processor the time goes into moving it: rows are taken out
of the table, made float32, and read once for each product. `HalfProducts` does all of that while a
piece of a row is in the core's own cache, which takes half the time. It is compiled by numba;
without numba `PlainProducts` does the same in torch.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ossum.networks.forward import Activations, CachedActivations

# Narrower rows do not pay for handing each product to threads.
NARROWEST = 5_000
# Columns that are a whole number of a processor's vectors.
_VECTOR = 64


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
        self._share(self._kernels.logits, len(rows), 1, weights, found)
        return torch.from_numpy(found).T

    def gradient(self, delta: Tensor, weights: Tensor) -> Tensor:
        found = np.empty(weights.shape[1], "f4")
        arrays = weights, delta.T.contiguous(), found
        # Whole vectors, so that no column is computed in another way at the end of a part.
        self._share(self._kernels.gradient, len(found), _VECTOR, *arrays)
        return torch.from_numpy(found)

    def _share(self, kernel: Callable, n: int, unit: int, *arrays: Tensor | np.ndarray) -> None:
        """Run a kernel for the n rows or columns of what it fills: a part in each thread, of whole
        units."""
        arrays = [each.numpy() if isinstance(each, Tensor) else each for each in arrays]
        share = -(-n // self._n_threads // unit) * unit
        parts = [
            self._pool.submit(kernel, self._table, self._rows, *arrays, i, min(i + share, n))
            for i in range(0, n, share)
        ]
        for part in parts:
            part.result()
