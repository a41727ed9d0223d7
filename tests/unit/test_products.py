"""Products with cached activations: by compiled loops, as torch would make them."""

import sys

import pytest
import torch

from ossum.networks.forward import CachedActivations
from ossum.training.products import NARROWEST, HalfProducts, PlainProducts, products

WIDTH = NARROWEST + 77


@pytest.fixture(scope="module")
def table():
    values = torch.randn(30, WIDTH, generator=torch.Generator().manual_seed(0))
    values[:, :4] = torch.tensor([0.0, -0.0, 6e-8, 60_000.0])  # the smallest and nearly the largest
    return values.half()


@pytest.mark.parametrize("n_classes", [5, 10])
@pytest.mark.parametrize("n_rows", [1, 7])
def test_compiled_products_are_those_of_float64(table, n_classes, n_rows):
    random = torch.Generator().manual_seed(1)
    rows = torch.randperm(30, generator=random)[:n_rows]
    weights = torch.randn(n_classes, WIDTH, generator=random)
    delta = torch.randn(n_classes, n_rows, generator=random)
    with_them = HalfProducts(CachedActivations(table, None, 7))
    a, w = table[rows].double(), weights.double()
    for found, true in (
        (with_them.logits(rows, weights), w @ a.T),
        (with_them.gradient(delta, weights), (w * (delta.double() @ a)).sum(dim=0)),
    ):
        scale = true.abs().amax()
        assert found.dtype == torch.float32 and torch.all((found - true).abs() < 1e-5 * scale)


def test_each_float16_number_is_read_as_it_is():
    bits = torch.arange(2**16, dtype=torch.int32).to(torch.uint16).view(torch.float16)
    numbers = bits[bits.isfinite()][None]
    weights = torch.zeros(5, numbers.shape[1])
    weights[0] = 1
    with_them = HalfProducts(CachedActivations(numbers, None, 1))
    with_them.logits(torch.tensor([0]), weights)
    found = with_them.gradient(torch.ones(5, 1), weights)
    assert torch.equal(found, numbers[0].float())


def test_the_number_of_threads_changes_no_digit(table):
    random = torch.Generator().manual_seed(2)
    weights, delta = torch.randn(10, WIDTH, generator=random), torch.randn(10, 30)
    before, found = torch.get_num_threads(), []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            with_them = HalfProducts(CachedActivations(table, None, 30))
            found.append((with_them.logits(torch.arange(30), weights),
                          with_them.gradient(delta, weights)))  # fmt: skip
    finally:
        torch.set_num_threads(before)
    for logits, gradient in found[1:]:
        assert torch.equal(logits, found[0][0]) and torch.equal(gradient, found[0][1])


def test_rows_are_found_where_they_are(table):
    places, seen = torch.randperm(30, generator=torch.Generator().manual_seed(3)), []
    cached = CachedActivations(table, places, 4)
    cached.on_read = seen.append
    rows = torch.tensor([3, 0, 29])
    assert torch.equal(cached(rows), table[places[rows]].float())
    weights = torch.randn(5, WIDTH)
    expected = weights @ table[places[rows]].float().T
    found = HalfProducts(cached).logits(rows, weights)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-2 * expected.abs().mean().item())
    assert seen == [3, 3]


def test_where_the_compiled_ones_are_used(table, monkeypatch):
    cached = CachedActivations(table, None, 4)
    assert isinstance(products(cached), HalfProducts)
    narrow = CachedActivations(table[:, :100].contiguous(), None, 4)
    assert isinstance(products(narrow), PlainProducts)
    assert isinstance(products(lambda rows: table[rows].float()), PlainProducts)
    monkeypatch.setitem(sys.modules, "ossum.training.half_kernels", None)  # as without numba
    monkeypatch.delattr("ossum.training.half_kernels")
    assert isinstance(products(cached), PlainProducts)
