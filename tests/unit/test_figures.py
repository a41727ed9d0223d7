"""Figures show what their tables hold."""

import os
import re
import subprocess
import sys
from functools import cache
from itertools import combinations, product

import figure_tables as made
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from helpers import ROOT
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ossum.config import registry
from ossum.config.registry import METHODS
from ossum.figures import DRAWINGS, ablations, draw, style, tables
from ossum.figures.compared import compared
from ossum.storage.results import read


@pytest.fixture(autouse=True)
def styled():
    with style.applied():
        yield
    plt.close("all")


def where(table, **values):
    """The rows with these values."""
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def line(axes, label):
    """The one line with this label."""
    (found,) = [line for line in axes.lines if line.get_label() == label]
    return found


def assert_shows_means(axes, label, rows, key="sparsity", value="accuracy"):
    """The line is the mean of the rows over seeds, computed on its own."""
    expected = rows.groupby(key)[value].mean()
    x, y = line(axes, label).get_data()
    np.testing.assert_allclose(x, 1 / (1 - expected.index) if key == "sparsity" else expected.index)
    np.testing.assert_allclose(y, expected)


@cache
def drawn(name):
    """The figure as in the paper. For tests that change nothing."""
    return DRAWINGS[name](made.full(name))


def differences(figure):
    """The panels of differences, in order."""
    return [
        axes
        for axes in figure.axes
        if any(
            (np.asarray(line.get_ydata()) == 0).all() and line.get_label() in CONTROLS
            for line in axes.lines
        )
    ]


def legend_of(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def foot_of(figure):
    return figure._supxlabel.get_text()


def labels(methods):
    return {METHODS[method].label for method in methods}


CONTROLS = {METHODS[method].label for method in style.CONTROLS}


# What each figure shows


def test_figure_1_has_a_panel_for_each_network_and_a_line_for_each_method():
    data = made.full("fig1")
    elsewhere = made.evaluations("pruned", ["ossum"], architectures=("FC-1000",), origin="trained")
    figure = DRAWINGS["fig1"](pd.concat([data, elsewhere], ignore_index=True))
    assert [axes.get_title() for axes in figure.axes] == [
        "MNIST, FC-1000", "MNIST, FC-10000", "MNIST, FC-100000",
        "CIFAR-10, FC-1000", "CIFAR-10, FC-10000", "CIFAR-10, FC-100000",
    ]  # fmt: skip
    assert set(legend_of(figure)) == labels(made.METHODS["fig1"]) | {"Chance"}
    for axes, (dataset, architecture) in zip(figure.axes, tables.networks(data), strict=True):
        rows = where(data, dataset=dataset, architecture=architecture)
        for method in made.METHODS["fig1"]:
            assert_shows_means(axes, METHODS[method].label, where(rows, method=method))
        assert axes.get_ylim()[0] == 0


@pytest.mark.parametrize("name", ["fig1", "fig2"])
def test_a_network_that_was_not_run_is_said(name):
    whole = made.full(name).query("method in ['ossum', 'norm']")
    missing = (whole["dataset"] == "cifar10") & (whole["architecture"] == "FC-10000")
    figure = DRAWINGS[name](whole[~missing])
    named = [axes for axes in figure.axes if axes.get_title()]
    said = [[text.get_text() for text in axes.texts] for axes in named]
    assert said == [["not run"] if number == 4 else [] for number in range(6)]


def test_bands_are_one_standard_deviation():
    data = made.evaluations("pruned", ["ossum"], sparsities=(0, 0.5, 0.75))
    axes = DRAWINGS["fig1"](data).axes[0]
    expected = data.groupby("sparsity")["accuracy"]
    band = axes.collections[0].get_paths()[0].vertices
    for compression, mean, sd in zip([1, 2, 4], expected.mean(), expected.std(), strict=True):
        edges = band[np.isclose(band[:, 0], compression), 1]
        np.testing.assert_allclose([edges.min(), edges.max()], [mean - sd, mean + sd])


def test_figure_2_dashes_pruned_and_draws_fine_tuned_solid():
    data = made.full("fig2")
    figure = drawn("fig2")
    stages = {"after pruning", "after fine-tuning"}
    assert set(legend_of(figure)) == labels(made.METHODS["fig2"]) | stages | {"Unpruned", "Chance"}
    (axes,) = [axes for axes in figure.axes if axes.get_title() == "CIFAR-10, FC-10000"]
    rows = where(data, dataset="cifar10", architecture="FC-10000", method="coreset")
    pruned, finetuned = [line for line in axes.lines if line.get_label() == "Coreset"]
    for curve, look, stage in (
        (pruned, ("--", "white"), "pruned"),
        (finetuned, ("-", style.colour("coreset")), "finetuned"),
    ):
        assert curve.get_marker() == style.marker("coreset")
        assert curve.get_linestyle() == look[0]
        assert to_hex(curve.get_markerfacecolor()) == to_hex(look[1])
        expected = where(rows, stage=stage).groupby("sparsity")["accuracy"].mean()
        np.testing.assert_allclose(curve.get_ydata(), expected)


@pytest.mark.parametrize(
    ("name", "origin", "trained"),
    [
        ("fig3", "initial", "trained"),
        ("fig4", "trained", "finetuned"),
        ("fig7", "initial", "trained-unscaled"),
        ("fig9", "initial", "trained"),
    ],
)
def test_pruned_on_the_left_and_trained_on_the_right(name, origin, trained):
    data = made.full(name)
    other = "trained" if origin == "initial" else "initial"
    elsewhere = made.stages(["random"], other, "other")
    figure = DRAWINGS[name](pd.concat([data, elsewhere], ignore_index=True))
    panels = iter(figure.axes)
    for dataset in tables.datasets(data):
        for stage in ("pruned", trained):
            axes = next(panels)
            assert axes.get_title().startswith(registry.DATASETS[dataset].label)
            shown = where(data, dataset=dataset, stage=stage)
            for method in made.METHODS[name]:
                assert_shows_means(axes, METHODS[method].label, where(shown, method=method))
        assert next(panels).get_title().splitlines()[-1].startswith("differences in")
    assert next(panels, None) is None
    assert set(legend_of(figure)) == labels(made.METHODS[name]) | {"Unpruned", "Chance"}


def test_figure_5_varies_one_thing_in_each_panel():
    data = made.full("fig5")
    activations, distributions, uniforms, _ = drawn("fig5").axes
    pruned = data[data["stage"] == "pruned"]
    for axes, column, looks, count in (
        (activations, "activation", ablations.ACTIVATIONS, 3),
        (distributions, "distribution", ablations.DISTRIBUTIONS, 3),
        (uniforms, "distribution", ablations.UNIFORMS, 7),
    ):
        other = "distribution == 'uniform'" if column == "activation" else "activation == 'tanh'"
        assert len(looks) == len(axes.lines) - 1 == count
        for value, look in looks.items():
            assert_shows_means(axes, look.label, pruned[pruned[column] == value].query(other))


def test_figure_5_marks_the_best_architecture_and_its_legends_cover_no_data():
    data = made.full("fig5")
    best = data.index[data["stage"] == "search"][123]
    data.loc[best, ["accuracy", "weight_sparsity"]] = 0.888, 0.4321
    figure = DRAWINGS["fig5"](data)
    axes = figure.axes[3]
    assert sum(len(points.get_offsets()) for points in axes.collections) == 2 * 9**3
    (star,) = [line for line in axes.lines if line.get_marker() == "*"]
    assert star.get_xydata().tolist() == [[0.4321, 0.888]]
    widths = "-".join(map(str, data.loc[best, "widths"]))
    assert star.get_label() == f"best: 88.8%, FC-{widths}, 43.2% pruned"
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert axes.get_legend().get_window_extent().y0 >= axes.get_window_extent().y1 - 1


def test_the_foot_has_a_line_for_each_stage_if_seeds_differ():
    data = made.full("fig7")
    few = data[(data["stage"] == "pruned") | (data["seed"] == 0)]
    same, different = (DRAWINGS["fig7"](table)._supxlabel.get_text() for table in (data, few))
    assert same.startswith("mean ± 1 sd over seeds 0, 1, 2; 6 networks")
    assert [line.partition("; ")[0] for line in different.splitlines()] == [
        "pruned at initialisation: mean ± 1 sd over seeds 0, 1, 2",
        "trained, not rescaled: one trial, seed 0",
    ]


def test_the_foot_names_methods_with_fewer_seeds():
    data = made.full("fig1")
    fewer = data[(data["method"] != "gradient") | (data["seed"] == 0)]
    assert foot_of(DRAWINGS["fig1"](fewer)).startswith(
        "mean ± 1 sd over seeds 0, 1, 2 (Gradient mask: 1); 18 networks"
    )


def test_figure_5_shows_each_combination_of_widths_by_its_mean_over_seeds():
    data = made.search(widths=(100, 900), seeds=(0, 1, 2))
    figure = DRAWINGS["fig5"](data)
    points = figure.axes[3].collections
    drawn = [y for some in points for _, y in some.get_offsets()]
    assert foot_of(figure).startswith("(d) mean over seeds 0, 1, 2; 3 networks")
    means = data.assign(widths=data["widths"].map(str)).groupby(["method", "widths"])["accuracy"]
    assert sorted(drawn) == pytest.approx(sorted(means.mean()))


def test_figure_6_has_a_panel_for_each_network_and_the_mean_of_each_epoch():
    data = made.full("fig6")
    figure = drawn("fig6")
    assert [axes.get_title().splitlines()[-1] for axes in figure.axes if axes.get_title()] == [
        "128× compressed", "64× compressed",
    ]  # fmt: skip
    for dataset, axes in zip(["mnist", "cifar10"], figure.axes, strict=False):
        for method in made.METHODS["fig6"]:
            rows = where(data, dataset=dataset, method=method)
            assert rows["epoch"].min() == 0
            assert_shows_means(axes, METHODS[method].label, rows, key="epoch")
    many = DRAWINGS["fig6"](made.curves(["random"], 2, sparsities=(0, 0.5, 0.75)))
    assert [axes.get_gridspec().ncols for axes in many.axes] == [2] * 6


def test_figure_8_shows_how_the_hidden_layer_changes_without_magnifying_noise():
    data = made.full("fig8")
    hidden = data[data["layer"] == 1].assign(ratio=lambda t: t["positive"] / t["negative"])
    whole = hidden[hidden["sparsity"] == 0].set_index("seed")
    extremes, moments = drawn("fig8").axes
    for axes, label, column in (
        (extremes, "largest", "max"),
        (extremes, "smallest", "min"),
        (extremes, "positive / negative", "ratio"),
        (moments, "variance", "variance"),
    ):
        relative = 100 * (hidden[column] / hidden["seed"].map(whole[column]) - 1)
        assert_shows_means(axes, label, hidden.assign(relative=relative), value="relative")
    shift = hidden["mean"] - hidden["seed"].map(whole["mean"])
    shift = 100 * shift / hidden["seed"].map(whole["variance"]) ** 0.5
    assert_shows_means(moments, "mean / sd", hidden.assign(shift=shift), value="shift")
    for axes in (extremes, moments):
        assert axes.get_ylim() == (-5, 5)
        assert axes.get_ylabel() in ("change from unpruned (%)", "")
    pruned = DRAWINGS["fig8"](data[data["sparsity"] > 0])
    assert pruned.axes[0].get_ylabel() == "change from 50% pruned (%)"
    data.loc[(data["sparsity"] == 0.5), "variance"] *= 2
    low, high = DRAWINGS["fig8"](data).axes[0].get_ylim()
    assert low == -high and high > 100


def test_beyond_shows_both_measures_of_untrained_and_trained_networks():
    data = made.full("beyond")
    elsewhere = made.evaluations("pruned", ["ossum"], architectures=("FC-1000",), origin="trained")
    figure = DRAWINGS["beyond"](pd.concat([data, elsewhere], ignore_index=True))
    assert [axes.get_title().splitlines() for axes in figure.axes[:3]] == [
        ["MNIST, FC-1000", "pruned, not trained"],
        ["CIFAR-10, FC-1000", "pruned, not trained"],
        ["CIFAR-10, FC-1000-1000-1000", "pruned, then trained"],
    ]
    for measure, row in (("accuracy", figure.axes[:3]), ("loss", figure.axes[3:])):
        for axes, dataset in zip(row, ("mnist", "cifar10"), strict=False):
            rows = where(data, dataset=dataset, stage="pruned")
            for method in made.METHODS["beyond"]:
                shown = where(rows, method=method)
                assert_shows_means(axes, METHODS[method].label, shown, value=measure)
        trained = where(data, stage="trained")
        deep = where(trained, architecture="FC-1000-1000-1000")
        for method in made.METHODS["fig3"]:
            shown = where(deep, method=method)
            assert_shows_means(row[2], METHODS[method].label, shown, "macs", measure)
        small = trained.drop(deep.index)
        assert_shows_means(row[2], "Small dense network", small, "macs", measure)
    (legend,) = figure.legends
    assert "Beyond the paper" in legend.get_title().get_text()
    methods = labels({*made.METHODS["beyond"], *made.METHODS["fig3"]})
    others = {"Readout of all neurons", "Small dense network", "Chance"}
    assert set(legend_of(figure)) == methods | others
    columns = zip(("mnist", "cifar10"), figure.axes, figure.axes[3:], strict=False)
    for dataset, above, below in columns:
        readouts = where(data, dataset=dataset, stage="readout")
        level = readouts["accuracy"].mean()
        np.testing.assert_allclose(line(above, "Readout of all neurons").get_ydata(), level)
        assert f"{level:.1%}" in {text.get_text() for text in above.texts}
        (text,) = below.texts
        assert text.get_text() == f"↓ readout of all neurons: {readouts['loss'].mean():.2f}"
        np.testing.assert_allclose(line(below, "Chance").get_ydata(), np.log(10))


def test_second_order_shows_lines_and_the_readout_where_it_was_run():
    data = made.full("second-order")
    figure = DRAWINGS["second-order"](data)
    networks = [("mnist", "FC-1000"), ("mnist", "FC-10000"), ("cifar10", "FC-1000")]
    for axes, (dataset, architecture) in zip(figure.axes, networks, strict=False):
        rows = where(data, dataset=dataset, architecture=architecture)
        for method in made.METHODS["second-order"]:
            shown = where(rows, method=method, stage="pruned")
            assert_shows_means(axes, METHODS[method].label, shown)
        readouts = where(rows, stage="readout")
        levels = [each for each in axes.lines if each.get_label() == "Readout of all neurons"]
        assert len(levels) == (len(readouts) > 0)
        for level in levels:
            np.testing.assert_allclose(level.get_ydata(), readouts["accuracy"].mean())
    methods = labels(made.METHODS["second-order"])
    assert set(legend_of(figure)) == methods | {"Readout of all neurons", "Chance"}


# Grids with options of their own

MOMENTUM = '{"gradient": {"momentum": 0}}'
BATCH = '{"training": {"batch_size": 512}}'


def test_options_are_spelled_in_few_words():
    assert style.spell_options(MOMENTUM, "gradient") == "momentum 0"
    assert style.spell_options(MOMENTUM, "ossum") == "gradient.momentum 0"
    several = '{"best_random": {"draws": 9}, "coreset": {"beta": "one", "reweight": false}}'
    spelled = "draws 9, coreset.beta one, coreset.reweight false"
    assert style.spell_options(several, "best-random") == spelled
    schedule = '{"training": {"train": {"schedule": {"mnist": [[0.1, 2]]}}}}'
    spelled = "training.train.schedule.mnist [[0.1, 2]]"
    assert style.spell_options(schedule, "norm") == spelled


@pytest.mark.parametrize("name", ["fig2", "fig3", "fig6", "beyond"])
def test_a_grid_with_options_of_its_own_has_lines_of_its_own(name):
    """They have the method's colour and dashes of their own, the same in every panel, also where
    one of two options was not run."""
    data = made.full(name)
    if name == "fig2":  # its columns are alike
        data = where(data, architecture="FC-1000")
    method = made.METHODS[name][-1]
    usual = METHODS[method].label
    last = data[data["method"] == method]
    other = last.assign(options=BATCH, accuracy=last["accuracy"] / 2)
    third = where(last, dataset="cifar10").assign(options=MOMENTUM)
    figure = DRAWINGS[name](pd.concat([data, other, third], ignore_index=True))
    added = [f"{usual} (gradient.momentum 0)", f"{usual} (training.batch_size 512)"]
    assert {label for label in legend_of(figure) if label.startswith(f"{usual} (")} == {*added}
    lines = [line for axes in figure.axes for line in axes.lines]
    looks = {}
    for label in (usual, *added):
        found = [line for line in lines if line.get_label() == label]
        assert {to_hex(line.get_color()) for line in found} == {style.colour(method).lower()}
        looks[label] = {line._unscaled_dash_pattern for line in found}
    assert len(looks[added[0]]) == len(looks[added[1]]) == 1
    assert not looks[added[0]] & looks[added[1]]
    for own in added:
        assert not looks[own] & looks[usual]
    alone = DRAWINGS[name](data) if name == "fig2" else drawn(name)
    for axes, before in zip(figure.axes, alone.axes, strict=True):
        kept = [line for line in axes.lines if line.get_label() not in added]
        for one, two in zip(kept, before.lines, strict=True):
            np.testing.assert_array_equal(one.get_xydata(), two.get_xydata())


def test_a_search_and_a_readout_with_options_are_told_apart():
    data = where(made.full("fig5"), stage="search")
    own = data.assign(options='{"search": {"fractions": [0.5]}}')
    axes = DRAWINGS["fig5"](pd.concat([data, own], ignore_index=True)).axes[3]
    assert [text.get_text() for text in axes.get_legend().get_texts()[:4]] == [
        "OSSuM + Norm", "OSSuM + Norm (search.fractions [0.5])",
        "OSSuM + PAB", "OSSuM + PAB (search.fractions [0.5])",
    ]  # fmt: skip
    data = made.full("beyond")
    own = where(data, stage="readout").assign(options='{"readout": {"C": 1}}', accuracy=0.7)
    axes = DRAWINGS["beyond"](pd.concat([data, own], ignore_index=True)).axes[0]
    np.testing.assert_allclose(line(axes, "Readout of all neurons (C 1)").get_ydata(), 0.7)


# Two runs in one figure


def dotted(axes):
    """The lines of the reference: as they are no other methods, they have no label."""
    lines = [line for line in axes.lines if line.get_label().startswith("_")]
    assert all(line.get_linestyle() == ":" and line.get_marker() == "None" for line in lines)
    return lines


@pytest.mark.parametrize("name", ["fig3", "fig5", "fig6", "fig8", "beyond"])
def test_the_reference_is_dotted_over_ones_own(name):
    """Every line of a method is there twice: once from each table."""
    reference = made.full(name)
    own = reference[reference["seed"] == 0].assign(grid="mine")
    own["max" if name == "fig8" else "accuracy"] *= 0.9
    figure, alone = compared(DRAWINGS[name], own, reference), drawn(name)
    for axes, expected in zip(figure.axes, alone.axes, strict=True):
        lines = [line for line in expected.lines if len(line.get_xdata()) > 2]
        low, high = axes.get_ylim()
        assert low <= expected.get_ylim()[0] and expected.get_ylim()[1] <= high
        for line, twin in zip(lines, dotted(axes), strict=True):
            np.testing.assert_array_equal(line.get_xydata(), twin.get_xydata())
            assert to_hex(line.get_color()) == to_hex(twin.get_color())
    mine = DRAWINGS[name](own)
    np.testing.assert_array_equal(
        figure.axes[0].lines[0].get_xydata(), mine.axes[0].lines[0].get_xydata()
    )
    assert foot_of(figure) == f"{foot_of(mine)}\ndotted, reference: {foot_of(alone)}"


def test_two_runs_are_compared_where_both_have_results():
    full = made.full("fig1")
    own = full.query("architecture != 'FC-1000' and method != 'norm' and seed == 1")
    own = pd.concat([own, own.assign(options=MOMENTUM)])
    reference = full.query("dataset == 'mnist' and sparsity > 0.5 and method != 'random'")
    figure = compared(DRAWINGS["fig1"], own, reference)
    assert [axes.get_title() for axes in figure.axes] == ["MNIST, FC-10000", "MNIST, FC-100000"]
    methods = set(made.METHODS["fig1"]) - {"random", "norm"}
    assert set(legend_of(figure)) == labels(methods) | {"Chance"}
    for axes in figure.axes:
        lines = [line for line in axes.lines if line.get_label() != "Chance"]
        assert len(lines) == 2 * len(dotted(axes)) == 2 * len(methods)
        assert {len(line.get_xdata()) for line in lines} == {len(made.WIDE_SPARSITIES) - 2}
    with pytest.raises(ValueError, match="no result in common"):
        compared(DRAWINGS["fig1"], made.partial("fig1"), full)


# What holds for all of them


@pytest.mark.parametrize("name", ["fig3", "fig6"])
def test_what_diverged_is_left_out_and_counted(name):
    data = made.full(name)
    chosen = "stage == 'trained' and method == 'random' and dataset == 'cifar10' and seed == 1"
    rows = data.query(chosen).query("sparsity == sparsity.max()").index
    data.loc[rows[-1], ["accuracy", "diverged"]] = None, True
    figure = DRAWINGS[name](data)
    assert foot_of(figure).endswith("; 1 diverged, left out")
    rest = where(data.drop(rows), stage="trained", method="random", dataset="cifar10")
    if name == "fig3":
        assert_shows_means(figure.axes[1], "Random", rest)
    else:
        assert_shows_means(figure.axes[1], "Random", rest, key="epoch")


def test_the_foot_says_what_a_table_holds():
    assert foot_of(drawn("fig4")) == ("mean ± 1 sd over seeds 0, 1, 2; 3 networks, 120 subnetworks")
    assert foot_of(drawn("fig5")).splitlines() == [
        "(a–c) mean ± 1 sd over seeds 0, 1, 2; 33 networks, 330 subnetworks",
        "(d) one trial, seed 0; 1 network, 1,458 subnetworks",
    ]
    assert foot_of(DRAWINGS["fig6"](made.partial("fig6"))) == (
        "one trial, seed 4; 1 network, 3 subnetworks"
    )


def test_a_point_never_mixes_different_things(tmp_path):
    table = made.partial("fig3")
    relu = table.assign(activation="relu")
    with pytest.raises(ValueError, match="several results for method random, sparsity 0"):
        draw("fig3", pd.concat([table, relu]), [tmp_path / "x.png"])
    draw("fig3", pd.concat([table, table.assign(grid="again")]), [tmp_path / "x.png"])
    draw("fig3", table, [tmp_path / "once.png"])
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "once.png").read_bytes()


@pytest.mark.parametrize("name", [name for name in DRAWINGS if name not in ("fig5", "fig8")])
def test_a_table_of_other_stages_is_an_error(name):
    other = made.search(widths=[100]).assign(epoch=0)
    with pytest.raises(ValueError, match="no rows of the stages"):
        DRAWINGS[name](other)


def test_ticks_say_both_sparsity_and_compression():
    figure = DRAWINGS["fig1"](made.evaluations("pruned", ["ossum"], sparsities=(0, 0.5, 0.6, 0.75)))
    figure.draw_without_rendering()
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["1×\n0%", "2×\n50%", "2.5×\n60%", "4×\n75%"]


def test_the_registry_and_the_figures_are_in_step():
    assert list(DRAWINGS) == list(registry.FIGURES)
    assert set(ablations.ACTIVATIONS) == set(registry.ACTIVATIONS)
    drawn = set(ablations.DISTRIBUTIONS) | set(ablations.UNIFORMS)
    # Readings have the others, which stand in for one of these.
    assert set(registry.DISTRIBUTIONS) - drawn == {"normal-variance", "uniform-biases"}
    in_paper = {method for methods in made.METHODS.values() for method in methods}
    for look in (style.colour, style.marker):
        assert len({look(method) for method in in_paper}) == len(in_paper)
    assert len({(style.colour(method), style.marker(method)) for method in METHODS}) == len(METHODS)


# As they are printed: in 397 pt of TeX, 72.27 to the inch, with type that can be read there.


@pytest.mark.parametrize("table", [made.full, made.partial], ids=lambda table: table.__name__)
@pytest.mark.parametrize("name", DRAWINGS)
def test_layout(name, table):
    """Nothing is cut off, overlaps or is too small; panels have letters and contain their lines."""
    figure = drawn(name) if table is made.full else DRAWINGS[name](table(name))
    assert figure.get_figwidth() * 72.27 == pytest.approx(397, abs=1)
    figure.dpi = plt.rcParams["savefig.dpi"]  # type is wider where pixels are coarse
    figure.draw_without_rendering()
    texts = [figure._supxlabel, *figure.legends]
    for axes in figure.axes:
        names = [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        texts += [text for text in names if text.get_visible() and text.get_text()]
        texts += [legend for legend in [axes.get_legend()] if legend]
        for axis in (axes.xaxis, axes.yaxis):
            texts += [text for text in axis.get_ticklabels() if _is_drawn(text, axis)]
    boxes = {text: _boxes(text) for text in texts}
    for text in texts:
        assert all(_within(box, figure) for box in boxes[text]), text
    for one, other in combinations(texts, 2):
        pairs = product(boxes[one], boxes[other])
        assert not any(_overlap(*pair) for pair in pairs), (one, other)
    assert min(text.get_fontsize() for text in figure.findobj(Text)) >= 7
    lettered = [axes._left_title.get_text() for axes in figure.axes if axes._left_title.get_text()]
    n_titled = len([axes for axes in figure.axes if axes.get_title() or name == "beyond"])
    assert lettered == [f"({letter})" for letter in "abcdef"[:n_titled]]
    apart = differences(figure)
    for axes in figure.axes:
        low, high = axes.get_ylim()
        for line in axes.lines if axes not in apart else ():
            assert np.all((low <= line.get_ydata()) & (line.get_ydata() <= high))


@pytest.mark.parametrize("name", DRAWINGS)
def test_lines_are_told_apart_without_colour(name):
    """By marker and dashes in every panel, and methods by their grey values."""
    figure = drawn(name)
    for axes in figure.axes:
        looks, greys = {}, {}
        for line in axes.lines:
            hollow = to_hex(line.get_markerfacecolor()) == "#ffffff"
            look = (line.get_marker(), str(line._unscaled_dash_pattern), hollow)
            assert looks.setdefault(look, line.get_label()) == line.get_label()
            greys[line.get_label()] = _lightness(line.get_color())
        markers = {label: look[0] for look, label in looks.items() if look[0] not in ("None", "")}
        assert len(set(markers.values())) == len(markers)
        methods = (labels(METHODS) - CONTROLS) & set(greys)
        for one, other in combinations(methods, 2):
            assert abs(greys[one] - greys[other]) >= 8, (one, other)


def test_all_legends_have_one_order():
    """Methods are in the registry's order and come first."""
    order = [spec.label for spec in METHODS.values()]
    before = set()
    for name in DRAWINGS:
        figure = drawn(name)
        legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
        for legend in filter(None, legends):
            shown = [text.get_text() for text in legend.get_texts()]
            columns = legend._ncols
            # A legend fills its columns one after the other, and people read along its rows.
            rows = -(-len(shown) // columns)
            heights = [rows - (column >= len(shown) % columns > 0) for column in range(columns)]
            starts = np.cumsum([0, *heights])
            read = [
                shown[starts[column] + row]
                for row in range(rows)
                for column in range(columns)
                if row < heights[column]
            ]
            methods = [order.index(label) for label in read if label in order]
            assert methods == sorted(methods)
            assert [label for label in read if label in order] == read[: len(methods)]
            before |= set(combinations(read, 2))
    assert not {(one, other) for one, other in before if (other, one) in before}


@pytest.mark.parametrize("name", ["fig1", "fig2", "fig3", "fig4", "fig6", "fig7", "fig9"])
def test_controls_show_under_the_lines(name):
    figure, data = drawn(name), made.full(name)
    apart = differences(figure)
    for axes in figure.axes:
        methods = [line for line in axes.lines if line.get_label() in labels(METHODS) - CONTROLS]
        for control in [line for line in axes.lines if line.get_label() in CONTROLS]:
            assert control.get_zorder() < min(other.get_zorder() for other in methods)
            assert control.get_linewidth() > max(other.get_linewidth() for other in methods)
        if axes not in apart:
            chance = [line for line in axes.lines if line.get_label() == "Chance"]
            assert {y for line in chance for y in line.get_ydata()} == {0.1}
    if name in ("fig3", "fig9"):
        rows = where(data, stage="trained", method="random", sparsity=0)
        level = rows["accuracy"].mean()
        np.testing.assert_allclose(line(figure.axes[1], "Unpruned").get_ydata(), level)


@pytest.mark.parametrize(
    ("name", "control", "key", "n"),
    [
        ("fig2", "norm", "sparsity", 6), ("fig3", "random", "sparsity", 1),
        ("fig4", "random", "sparsity", 1), ("fig6", "random", "epoch", 2),
        ("fig7", "random", "sparsity", 2), ("fig9", "random", "sparsity", 1),
    ],
)  # fmt: skip
def test_trained_networks_are_also_shown_as_differences_to_a_control(name, control, key, n):
    data, panels = made.full(name), differences(drawn(name))
    assert len(panels) == n
    last = data[data["stage"] == registry.FIGURES[name].stages[-1]]
    networks = [(dataset, architecture) for dataset, architecture in tables.networks(last)]
    for axes, (dataset, architecture) in zip(panels, networks, strict=True):
        rows = where(last, dataset=dataset, architecture=architecture)
        base = where(rows, method=control).set_index([key, "seed"])["accuracy"]
        at = pd.MultiIndex.from_frame(rows[[key, "seed"]])
        rows = rows.assign(difference=rows["accuracy"].to_numpy() - base[at].to_numpy())
        for method in made.METHODS[name]:
            shown = where(rows, method=method)
            assert_shows_means(axes, METHODS[method].label, shown, key, "difference")
        low, high = axes.get_ylim()
        assert low == -high


def test_a_method_that_is_far_off_does_not_squeeze_the_differences():
    data = made.full("fig4")
    data.loc[(data["method"] == "coreset") & (data["sparsity"] > 0.9), "accuracy"] = 0.0
    (axes,) = differences(DRAWINGS["fig4"](data))
    reach = {line.get_label(): np.abs(line.get_ydata()).max() for line in axes.lines}
    assert reach.pop("Coreset") > axes.get_ylim()[1] > max(reach.values())
    (arrows,) = [points for points in axes.collections if points.get_gid() == "cut"]
    expected = sorted(data["sparsity"][data["sparsity"] > 0.9].unique())
    np.testing.assert_allclose(sorted(1 - 1 / arrows.get_offsets()[:, 0]), expected)
    assert (arrows.get_offsets()[:, 1] == 0).all()  # at the lower edge


def test_without_a_control_there_are_no_differences():
    data = made.full("fig3").query("method not in ['random', 'norm']")
    assert len(DRAWINGS["fig3"](data).axes) == 2
    missing = made.full("fig2").query(
        "method in ['ossum', 'norm'] and "
        "(stage == 'pruned' or architecture != 'FC-1000' or dataset != 'mnist')"
    )
    assert len(differences(DRAWINGS["fig2"](missing))) == 5


def test_axes_that_do_not_start_at_zero_are_marked():
    for name in DRAWINGS:
        for axes in drawn(name).axes:
            marked = any(points.get_gid() == "broken" for points in axes.collections)
            assert marked == (axes.get_ylim()[0] > 0)


def test_sparsities_below_half_have_space_and_those_above_their_octaves():
    sparsities = (0, 0.1, 0.2, 0.3, 0.4, *made.WIDE_SPARSITIES[1:])
    data = made.evaluations("pruned", ["ossum"], made.BOTH, made.TWO_LAYER, sparsities)
    figure = DRAWINGS["fig1"](data)
    figure.draw_without_rendering()
    for axes in figure.axes:
        places = axes.transData.transform(line(axes, METHODS["ossum"].label).get_xydata())[:, 0]
        steps = np.diff(places) * 72 / figure.dpi  # points
        np.testing.assert_allclose(steps[:5], steps[0])
        np.testing.assert_allclose(steps[5:], steps[5])
        assert steps.min() > 3.6  # the size of a marker
    ticks = [tick for tick in axes.get_xticklabels() if tick.get_text()]
    assert ticks[0].get_text() == "1×\n0%"
    for one, other in combinations([tick.get_window_extent() for tick in ticks], 2):
        assert not _overlap(one, other)


def test_files_have_the_printed_width_and_text_that_can_be_searched(tmp_path):
    paths = [tmp_path / "fig1.pdf", tmp_path / "fig1.png"]
    draw("fig1", made.partial("fig1"), paths)
    pdf, png = (path.read_bytes() for path in paths)
    assert pdf.startswith(b"%PDF") and b"/FontFile2" in pdf and b"/Type3" not in pdf
    width = float(re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ", pdf)[1])
    assert width / 72 * 72.27 == pytest.approx(397, abs=1)
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20]) == 5.5 * 300


def test_the_same_table_is_the_same_file(tmp_path):
    for ending in ("pdf", "png"):
        paths = [tmp_path / f"{which}.{ending}" for which in ("one", "two")]
        for path in paths:
            draw("fig1", made.partial("fig1"), [path])
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert b"CreationDate" not in paths[0].read_bytes()


def _lightness(colour) -> float:
    """L* of CIELAB, 0 to 100: what is left of a colour in a black-and-white print."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 116 * np.dot([0.2126, 0.7152, 0.0722], channels) ** (1 / 3) - 16


def test_nothing_of_the_users_matplotlib_counts(tmp_path):
    """Neither a matplotlibrc nor the backend of a notebook that the workflow is started from."""
    (tmp_path / "matplotlibrc").write_text(
        "text.usetex: True\nsavefig.transparent: True\nlines.linewidth: 7\n", encoding="utf-8"
    )
    code = "import sys; from ossum.figures import draw; from ossum.storage.results import read; "
    code += "draw('fig1', read(sys.argv[1]), sys.argv[2:])"
    table = ROOT / "results/reference/fig1.parquet"
    plain, changed = tmp_path / "plain.png", tmp_path / "changed.png"
    draw("fig1", read(table), [plain])
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "inline"}
    environment["MATPLOTLIBRC"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", code, table, changed], check=True, env=environment)
    assert plain.read_bytes() == changed.read_bytes()


def _is_drawn(text, axis) -> bool:
    low, high = sorted(axis.get_view_interval())
    position = text.get_position()[0 if axis.axis_name == "x" else 1]
    return bool(text.get_visible() and text.get_text() and low <= position <= high)


def _boxes(artist):
    """A box for each line of a level text, as a short line leaves space beside it; else one."""
    whole = artist.get_window_extent()
    if not isinstance(artist, Text) or artist.get_rotation():
        return [whole]
    text = artist.get_text()
    lines, boxes = text.split("\n"), []
    for number, shown in enumerate(lines):
        artist.set_text(shown)
        alone = artist.get_window_extent()
        top = whole.y1 - number * whole.height / len(lines)
        boxes.append(Bbox([[alone.x0, top - whole.height / len(lines)], [alone.x1, top]]))
    artist.set_text(text)
    return boxes


def _within(box, owner) -> bool:
    around = owner.bbox.padded(1)  # pixel
    return around.contains(*box.p0) and around.contains(*box.p1)


def _overlap(one, other) -> bool:
    return bool(one.padded(-0.5).overlaps(other.padded(-0.5)))
