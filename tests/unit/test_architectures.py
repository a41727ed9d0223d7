"""Sizes of networks and subnetworks."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossum.config.architectures import (
    Architecture,
    count_weights,
    kept_width,
    width_combinations,
)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=4))
def test_architectures_read_what_they_write(hidden):
    architecture = Architecture(tuple(hidden))
    assert Architecture.parse(str(architecture)) == architecture


@pytest.mark.parametrize("name", ["FC", "FC-0", "FC-01", "FC-1000-", "CNN", "fc-10", "FC-1e3"])
def test_bad_architectures_are_refused(name):
    with pytest.raises(ValueError, match="FC-h1"):
        Architecture.parse(name)


def test_kept_widths_of_the_paper():
    sparsities = ["0", "0.5", "0.75", "0.875", "0.9375", "0.96875", "0.984375", "0.9921875"]
    # 62.5 and 31.25, 15.625, 7.8125: halves go up.
    expected = [1000, 500, 250, 125, 63, 31, 16, 8]
    assert [kept_width(1000, s) for s in sparsities] == expected
    assert kept_width(3, "0.99") == 1
    assert Architecture((1000, 10)).kept_widths(0.75) == (250, 3)


@given(st.integers(1, 10**5), st.integers(0, 2**12 - 1))
def test_kept_width_is_the_nearest_integer(width, numerator):
    exact = width * (1 - Fraction(numerator, 2**12))
    kept = kept_width(width, numerator / 2**12)
    assert 1 <= kept <= width
    assert abs(kept - exact) <= Fraction(1, 2) or (kept == 1 and exact < 1)


def test_weights_are_counted_without_biases():
    assert count_weights((784, 1000, 10)) == 784 * 1000 + 1000 * 10


def test_the_730_subnetworks_of_the_papers_search():
    widths = width_combinations((1000,) * 3, [n / 10 for n in range(1, 10)])
    hundreds = range(100, 1000, 100)
    assert widths == [*product(hundreds, hundreds, hundreds), (1000, 1000, 1000)]


def test_fractions_are_rounded_as_written_and_combinations_are_different():
    # 3.5 and 0.5 go up, which 5 * (1 - 0.3) and 5 * (1 - 0.9) in binary would not.
    assert width_combinations((5,), [0.7, 0.1]) == [(1,), (4,), (5,)]
    assert width_combinations((2, 3), [0.1, 0.2, 1]) == [(1, 1), (1, 3), (2, 1), (2, 3)]
