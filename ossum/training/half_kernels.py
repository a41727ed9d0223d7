"""Loops over a float16 table, compiled by numba for the processor at hand (see `HalfProducts`).

They go through a row in pieces. A piece becomes float32 and meets the weights of five classes at a
time, as many as leave sums and weights in registers. Each class is an argument of its own, because
the compiler makes vectors of rows that are contiguous, and not of a part of a matrix. numba keeps
what it has compiled beside this file, or in the user's cache folder.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

# Columns of a piece. The weights of ten classes for so many fit into a core's second cache.
PIECE = 2_048
_CLASSES = 5
_compiled = njit(nogil=True, fastmath=True, error_model="numpy", cache=True)
_inlined = njit(nogil=True, fastmath=True, error_model="numpy", inline="always")


@intrinsic
def _float32(typing, bits):
    """A float16, given as uint16, as float32. numba has no float16 on processors, LLVM has."""

    def generate(context, builder, signature, arguments):
        half = builder.bitcast(arguments[0], ir.HalfType())
        return builder.fpext(half, ir.FloatType())

    return types.float32(types.uint16), generate


@_compiled
def logits(table, rows, weights, found, begin, end):
    """found[i] = weights table[rows[i]], for begin <= i < end.

    table: uint16 [N, d], the bits of float16; rows int64 [n]; weights float32 [K, d], K a multiple
    of 5; found float32 [n, K].
    """
    n_classes, width = weights.shape
    room = np.empty(PIECE, np.float32)
    found[begin:end] = 0
    for start in range(0, width, PIECE):
        stop = min(start + PIECE, width)
        for i in range(begin, end):
            piece = _piece(table[rows[i], start:stop], room)
            for k in range(0, n_classes, _CLASSES):
                _add_logits(
                    piece,
                    weights[k, start:stop],
                    weights[k + 1, start:stop],
                    weights[k + 2, start:stop],
                    weights[k + 3, start:stop],
                    weights[k + 4, start:stop],
                    found[i, k : k + _CLASSES],
                )


@_compiled
def gradient(table, rows, weights, delta, found, begin, end):
    """found[j] = sum of table[rows[i], j] delta[i, k] weights[k, j] over i and k, begin <= j < end.

    As `logits`; delta float32 [n, K]; found float32 [d].
    """
    n_classes = len(weights)
    room = np.empty(PIECE, np.float32)
    found[begin:end] = 0
    for start in range(begin, end, PIECE):
        stop = min(start + PIECE, end)
        for i in range(len(rows)):
            piece = _piece(table[rows[i], start:stop], room)
            for k in range(0, n_classes, _CLASSES):
                _add_gradient(
                    piece,
                    weights[k, start:stop],
                    weights[k + 1, start:stop],
                    weights[k + 2, start:stop],
                    weights[k + 3, start:stop],
                    weights[k + 4, start:stop],
                    delta[i, k : k + _CLASSES],
                    found[start:stop],
                )


@_inlined
def _piece(half, room):
    """float16 numbers, given as uint16, as float32; `room` has room for them."""
    piece = room[: len(half)]
    for j in range(len(half)):
        piece[j] = _float32(half[j])
    return piece


@_inlined
def _add_logits(a, w0, w1, w2, w3, w4, found):
    s0 = s1 = s2 = s3 = s4 = np.float32(0)
    for j in range(len(a)):
        s0 += a[j] * w0[j]
        s1 += a[j] * w1[j]
        s2 += a[j] * w2[j]
        s3 += a[j] * w3[j]
        s4 += a[j] * w4[j]
    found[0] += s0
    found[1] += s1
    found[2] += s2
    found[3] += s3
    found[4] += s4


@_inlined
def _add_gradient(a, w0, w1, w2, w3, w4, delta, found):
    d0, d1, d2, d3, d4 = delta[0], delta[1], delta[2], delta[3], delta[4]
    for j in range(len(a)):
        found[j] += a[j] * (d0 * w0[j] + d1 * w1[j] + d2 * w2[j] + d3 * w3[j] + d4 * w4[j])
