"""Figures show what their tables hold."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from ossum import registry
from ossum.figures import FIGURES, draw, style
from ossum.figures.accuracy import describe, fig1
from ossum.registry import METHODS

FIG1_METHODS = ("ossum", "linear-ossum", "log-ossum", "gradient", "random", "norm")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def table(datasets=("mnist", "cifar10"), seeds=(0, 1, 2), methods=FIG1_METHODS) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "dataset": dataset,
            "architecture": architecture,
            "activation": "tanh",
            "init": "uniform",
            "method": method,
            "sparsity": sparsity,
            "seed": seed,
            "accuracy": random.uniform(0.1, 0.9),
        }
        for dataset in datasets
        for architecture in ("FC-10000", "FC-1000")
        for method in methods
        for sparsity in (0.0, 0.5, 0.75)
        for seed in seeds
    )


def test_figure_1_has_a_panel_a_network_and_a_line_a_method():
    data = table()
    with style.applied():
        figure = fig1(data)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [
        "MNIST, FC-1000", "MNIST, FC-10000", "CIFAR-10, FC-1000", "CIFAR-10, FC-10000",
    ]  # fmt: skip
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == [METHODS[m].label for m in FIG1_METHODS]
    for axes in figure.axes:
        assert len(axes.lines) == len(FIG1_METHODS)
        assert axes.get_ylim()[0] == 0


def test_lines_are_means_and_bands_one_standard_deviation():
    data = table(datasets=["mnist"], methods=["ossum"])
    with style.applied():
        axes = fig1(data).axes[0]
    expected = data[data["architecture"] == "FC-1000"].groupby("sparsity")["accuracy"]
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_xdata(), [1, 2, 4])
    np.testing.assert_allclose(line.get_ydata(), expected.mean())
    band = axes.collections[0].get_paths()[0].vertices
    for compression, mean, sd in zip([1, 2, 4], expected.mean(), expected.std(), strict=True):
        edges = band[np.isclose(band[:, 0], compression), 1]
        np.testing.assert_allclose([edges.min(), edges.max()], [mean - sd, mean + sd])


def test_panels_of_a_row_contain_all_their_points():
    data = table()
    with style.applied():
        figure = fig1(data)
    for axes in figure.axes:
        top = max(line.get_ydata().max() for line in axes.lines)
        assert axes.get_ylim()[1] >= top


def test_ticks_say_both_sparsity_and_compression():
    with style.applied():
        figure = fig1(table())
        figure.canvas.draw()
    labels = [tick.get_text() for tick in figure.axes[-1].get_xticklabels()]
    assert labels == ["1×\n0%", "2×\n50%", "4×\n75%"]


def test_a_partial_table_says_what_it_holds():
    assert describe(table()) == "mean ± 1 sd over seeds 0, 1, 2; 12 networks, 216 subnetworks"
    one = table(seeds=[4], datasets=["mnist"], methods=["ossum"])
    assert describe(one) == "one trial, seed 4; 2 networks, 6 subnetworks"


def test_registry_names_the_figures():
    assert tuple(FIGURES) == registry.FIGURES


def test_methods_can_be_told_apart():
    for look in (style.colour, style.marker):
        assert len({look(method) for method in METHODS}) == len(METHODS)


@pytest.mark.parametrize("name", FIGURES)
def test_files_are_written_with_embedded_fonts(name, tmp_path):
    paths = [tmp_path / f"{name}.pdf", tmp_path / f"{name}.png"]
    draw(name, table(), paths)
    pdf = paths[0].read_bytes()
    assert pdf.startswith(b"%PDF") and b"/FontFile2" in pdf and b"/Type3" not in pdf
    assert paths[1].read_bytes().startswith(b"\x89PNG")
