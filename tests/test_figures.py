"""Figures show what their tables hold."""

from itertools import combinations

import figure_tables as made
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from ossum import registry
from ossum.figures import FIGURES, ablations, draw, style, tables
from ossum.figures.compared import compared
from ossum.registry import METHODS


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
    """The x and y of the one line with this label."""
    (found,) = [line for line in axes.lines if line.get_label() == label]
    return found.get_data()


def assert_shows_means(axes, label, rows, key="sparsity"):
    """The line is the mean of the rows' accuracy over seeds, computed on its own."""
    expected = rows.groupby(key)["accuracy"].mean()
    x, y = line(axes, label)
    np.testing.assert_allclose(x, 1 / (1 - expected.index) if key == "sparsity" else expected.index)
    np.testing.assert_allclose(y, expected)


def legend_of(figure):
    (legend,) = figure.legends
    return {text.get_text() for text in legend.get_texts()}


def foot_of(figure):
    return figure._supxlabel.get_text()


def labels(methods):
    return {METHODS[method].label for method in methods}


# What each figure shows


def test_figure_1_has_a_panel_a_network_and_a_line_a_method():
    data = made.full("fig1")
    distractors = made.cells("pruned", ["ossum"], architectures=("FC-1000",), origin="trained")
    figure = FIGURES["fig1"](pd.concat([data, distractors], ignore_index=True))
    assert [axes.get_title() for axes in figure.axes] == [
        "MNIST, FC-1000", "MNIST, FC-10000", "MNIST, FC-100000",
        "CIFAR-10, FC-1000", "CIFAR-10, FC-10000", "CIFAR-10, FC-100000",
    ]  # fmt: skip
    assert legend_of(figure) == labels(made.METHODS["fig1"])
    for axes, (dataset, architecture) in zip(figure.axes, tables.networks(data), strict=True):
        rows = where(data, dataset=dataset, architecture=architecture)
        for method in made.METHODS["fig1"]:
            assert_shows_means(axes, METHODS[method].label, where(rows, method=method))
        assert axes.get_ylim()[0] == 0


@pytest.mark.parametrize("name", ["fig1", "fig2"])
def test_a_network_that_was_not_run_is_said(name):
    whole = made.full(name)
    missing = (whole["dataset"] == "cifar10") & (whole["architecture"] == "FC-10000")
    figure = FIGURES[name](whole[~missing])
    said = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert said == [["not run"] if number == 4 else [] for number in range(6)]


def test_bands_are_one_standard_deviation():
    data = made.cells("pruned", ["ossum"], architectures=("FC-1000",), sparsities=(0, 0.5, 0.75))
    axes = FIGURES["fig1"](data).axes[0]
    expected = data.groupby("sparsity")["accuracy"]
    band = axes.collections[0].get_paths()[0].vertices
    for compression, mean, sd in zip([1, 2, 4], expected.mean(), expected.std(), strict=True):
        edges = band[np.isclose(band[:, 0], compression), 1]
        np.testing.assert_allclose([edges.min(), edges.max()], [mean - sd, mean + sd])


def test_figure_2_dashes_pruned_and_draws_fine_tuned_solid():
    data = made.full("fig2")
    figure = FIGURES["fig2"](data)
    stages = {"after pruning", "after fine-tuning"}
    assert legend_of(figure) == labels(made.METHODS["fig2"]) | stages
    axes = figure.axes[4]
    assert axes.get_title() == "CIFAR-10, FC-10000"
    rows = data.query("dataset == 'cifar10' and architecture == 'FC-10000' and method == 'coreset'")
    pruned, finetuned = [line for line in axes.lines if line.get_label() == "Coreset"]
    assert (pruned.get_linestyle(), pruned.get_marker()) == ("--", "+")
    assert (finetuned.get_linestyle(), finetuned.get_marker()) == ("-", "x")
    for drawn, shown in (
        (pruned, rows.query("stage == 'pruned'")),
        (finetuned, rows.query("stage == 'finetuned' and epoch == 3")),
    ):
        np.testing.assert_allclose(drawn.get_ydata(), shown.groupby("sparsity")["accuracy"].mean())
        assert to_hex(drawn.get_color()) == to_hex(drawn.get_markeredgecolor())


@pytest.mark.parametrize(
    ("name", "origin", "trained"),
    [
        ("fig3", "init", "trained"),
        ("fig4", "trained", "finetuned"),
        ("fig7", "init", "trained-unscaled"),
        ("fig9", "init", "trained"),
    ],
)
def test_pruned_on_the_left_and_trained_on_the_right(name, origin, trained):
    data = made.full(name)
    elsewhere = made.stages(["random"], "trained" if origin == "init" else "init", "other")
    figure = FIGURES[name](pd.concat([data, elsewhere], ignore_index=True))
    datasets = tables.datasets(data)
    panels = iter(figure.axes)
    for dataset in datasets:
        for stage, last in (("pruned", 0), (trained, 3)):
            axes = next(panels)
            assert axes.get_title().startswith(registry.DATASETS[dataset].label)
            shown = where(data, dataset=dataset, stage=stage, epoch=last)
            for method in made.METHODS[name]:
                assert_shows_means(axes, METHODS[method].label, where(shown, method=method))
    assert next(panels, None) is None
    assert legend_of(figure) == labels(made.METHODS[name])


def test_figure_5_varies_one_thing_a_panel():
    data = made.full("fig5")
    activations, distributions, uniforms, _ = FIGURES["fig5"](data).axes
    pruned = data[data["stage"] == "pruned"]
    for axes, column, looks, count in (
        (activations, "activation", ablations.ACTIVATIONS, 3),
        (distributions, "init", ablations.DISTRIBUTIONS, 3),
        (uniforms, "init", ablations.UNIFORMS, 7),
    ):
        other = "init == 'uniform'" if column == "activation" else "activation == 'tanh'"
        assert len(looks) == len(axes.lines) == count
        for value, look in looks.items():
            assert_shows_means(axes, look.label, pruned[pruned[column] == value].query(other))


def test_figure_5_marks_the_best_architecture():
    data = made.full("fig5")
    best = data.index[data["stage"] == "search"][123]
    data.loc[best, ["accuracy", "weight_sparsity"]] = 0.888, 0.4321
    axes = FIGURES["fig5"](data).axes[3]
    assert sum(len(points.get_offsets()) for points in axes.collections) == 2 * 9**3
    (star,) = [line for line in axes.lines if line.get_marker() == "*"]
    assert star.get_xydata().tolist() == [[0.4321, 0.888]]
    widths = "-".join(map(str, data.loc[best, "widths"]))
    assert star.get_label() == f"best: 88.8%, FC-{widths}\n43.2% of weights pruned"


def test_figure_5_legends_cover_no_data():
    figure = FIGURES["fig5"](made.full("fig5"))
    figure.draw_without_rendering()
    for axes in figure.axes:
        bottom = axes.transData.inverted().transform(axes.get_legend().get_window_extent().p0)[1]
        assert bottom > axes.dataLim.y1


def test_looks_of_figure_5_are_of_all_that_the_registry_names():
    assert set(ablations.ACTIVATIONS) == set(registry.ACTIVATIONS)
    assert set(ablations.DISTRIBUTIONS) | set(ablations.UNIFORMS) == set(registry.INITS)


def test_figure_6_has_a_panel_a_network_and_the_mean_of_each_epoch():
    data = made.full("fig6")
    figure = FIGURES["fig6"](data)
    assert [axes.get_title().splitlines()[-1] for axes in figure.axes] == [
        "128× compressed", "64× compressed",
    ]  # fmt: skip
    for dataset, axes in zip(["mnist", "cifar10"], figure.axes, strict=True):
        for method in made.METHODS["fig6"]:
            rows = where(data, dataset=dataset, method=method).query("epoch > 0")
            assert_shows_means(axes, METHODS[method].label, rows, key="epoch")


def test_figure_6_wraps_many_panels():
    figure = FIGURES["fig6"](made.cells("trained", ["random"], sparsities=(0, 0.5, 0.75), epochs=2))
    assert len(figure.axes) == 3
    assert {axes.get_gridspec().ncols for axes in figure.axes} == {2}


def test_figure_8_shows_the_statistics_of_the_hidden_layer_without_magnifying_noise():
    data = made.full("fig8")
    hidden = data[data["layer"] == 1].assign(ratio=lambda t: t["positive"] / t["negative"])
    extremes, mean, ratio, variance = FIGURES["fig8"](data).axes
    for axes, label, column in (
        (extremes, "largest", "max"),
        (extremes, "smallest", "min"),
        (mean, "mean", "mean"),
        (ratio, "positive / negative", "ratio"),
        (variance, "variance", "variance"),
    ):
        _, y = line(axes, label)
        np.testing.assert_allclose(y, hidden.groupby("sparsity")[column].mean())
        low, high = axes.get_ylim()
        assert low <= 0 < high and low < y.min()
        if label != "largest" and label != "smallest":
            assert np.ptp(y) < 0.05 * (high - low)


def test_beyond_shows_both_measures_of_untrained_and_trained_networks():
    data = made.full("beyond")
    elsewhere = made.cells("pruned", ["ossum"], architectures=("FC-1000",), origin="trained")
    figure = FIGURES["beyond"](pd.concat([data, elsewhere], ignore_index=True))
    assert [axes.get_title().splitlines() for axes in figure.axes[:3]] == [
        ["MNIST, FC-1000", "pruned, not trained"],
        ["CIFAR-10, FC-1000", "pruned, not trained"],
        ["CIFAR-10, FC-1000-1000-1000", "pruned, then trained"],
    ]
    for measure, row in (("accuracy", figure.axes[:3]), ("loss", figure.axes[3:])):
        shown = data.assign(accuracy=data[measure])
        for axes, dataset in zip(row, ("mnist", "cifar10"), strict=False):
            of_dataset = where(shown, dataset=dataset, stage="pruned")
            for method in made.METHODS["beyond"]:
                assert_shows_means(axes, METHODS[method].label, where(of_dataset, method=method))
        trained = where(shown, stage="trained", epoch=3)
        deep = where(trained, architecture="FC-1000-1000-1000")
        for method in made.METHODS["fig3"]:
            assert_shows_means(row[2], METHODS[method].label, where(deep, method=method), "madds")
        assert_shows_means(row[2], "Small dense network", trained.drop(deep.index), "madds")
    (legend,) = figure.legends
    assert "Beyond the paper" in legend.get_title().get_text()
    assert legend_of(figure) == labels({*made.METHODS["beyond"], *made.METHODS["fig3"]}) | {
        "Readout of all neurons", "Small dense network", "Guessing (ln 10)",
    }  # fmt: skip


def test_beyond_draws_the_readout_of_all_neurons_as_a_ceiling():
    data = made.full("beyond")
    figure = FIGURES["beyond"](data)
    for dataset, above, below in zip(
        ("mnist", "cifar10"), figure.axes[:2], figure.axes[3:5], strict=True
    ):
        readouts = where(data, dataset=dataset, stage="readout")
        _, level = line(above, "Readout of all neurons")
        np.testing.assert_allclose(level, readouts["accuracy"].mean())
        assert f"{readouts['accuracy'].mean():.1%}" in {text.get_text() for text in above.texts}
        (text,) = below.texts
        assert text.get_text().endswith(f"{readouts['loss'].mean():.2f}")
        np.testing.assert_allclose(line(below, "Guessing (ln 10)")[1], np.log(10))


# Two runs in one figure


def dotted(axes):
    """The lines of the reference: as they are no other methods, they have no label."""
    lines = [line for line in axes.lines if line.get_label().startswith("_")]
    assert all(line.get_linestyle() == ":" and line.get_marker() == "None" for line in lines)
    return lines


@pytest.mark.parametrize("name", FIGURES)
def test_the_reference_is_dotted_over_ones_own(name):
    """Every line of a method twice: solid or dashed from one table, dotted from the other."""
    reference = made.full(name)
    own = reference[reference["seed"] == 0].copy()
    value = "max" if name == "fig8" else "accuracy"
    own[value] *= 0.9
    figure, alone = compared(FIGURES[name], own, reference), FIGURES[name](reference)
    for axes, expected in zip(figure.axes, alone.axes, strict=True):
        lines = [line for line in expected.lines if len(line.get_xdata()) > 2]
        for line, twin in zip(lines, dotted(axes), strict=True):
            np.testing.assert_array_equal(line.get_xydata(), twin.get_xydata())
            assert to_hex(line.get_color()) == to_hex(twin.get_color())
    mine = FIGURES[name](own).axes[0].lines[0]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xydata(), mine.get_xydata())
    assert foot_of(figure) == f"{foot_of(FIGURES[name](own))}\ndotted, reference: {foot_of(alone)}"


def test_two_runs_are_compared_where_both_have_results():
    full = made.full("fig1")
    own = full.query("architecture != 'FC-1000' and method != 'norm' and seed == 1")
    reference = full.query("dataset == 'mnist' and sparsity > 0.5 and method != 'random'")
    figure = compared(FIGURES["fig1"], own, reference)
    assert [axes.get_title() for axes in figure.axes] == ["MNIST, FC-10000", "MNIST, FC-100000"]
    methods = set(made.METHODS["fig1"]) - {"random", "norm"}
    assert legend_of(figure) == labels(methods)
    for axes in figure.axes:
        assert len(axes.lines) == 2 * len(dotted(axes)) == 2 * len(methods)
        assert {len(line.get_xdata()) for line in axes.lines} == {len(made.WIDE_SPARSITIES) - 2}


def test_two_runs_with_nothing_in_common_are_an_error():
    with pytest.raises(ValueError, match="no result in common"):
        compared(FIGURES["fig1"], made.partial("fig1"), made.full("fig1"))


# What holds for all of them


def test_the_last_epoch_counts_not_the_best():
    data = made.full("fig3")
    better = (data["stage"] == "trained") & (data["epoch"] == 2)
    data.loc[better, "accuracy"] = 0.99
    assert FIGURES["fig3"](data).axes[1].dataLim.y1 < 0.9
    shuffled = tables.final(data.sample(frac=1, random_state=0))
    assert set(shuffled.query("stage == 'trained'")["epoch"]) == {3}


@pytest.mark.parametrize("name", ["fig3", "fig6"])
def test_diverged_cells_are_left_out_and_counted(name):
    data = made.full(name)
    cell = "stage == 'trained' and method == 'random' and dataset == 'cifar10' and seed == 1"
    rows = data.query(cell).query("sparsity == sparsity.max()").index
    data.loc[rows[-1], ["accuracy", "diverged"]] = None, True
    figure = FIGURES[name](data)
    assert foot_of(figure).endswith("; 1 diverged, left out")
    rest = data.drop(rows).query("stage == 'trained' and method == 'random'")
    rest = rest.query("dataset == 'cifar10' and epoch > 0")
    if name == "fig3":
        rest = rest.query("epoch == 3")
    key = "sparsity" if name == "fig3" else "epoch"
    assert_shows_means(figure.axes[1], "Random", rest, key=key)


def test_the_foot_says_what_a_table_holds():
    assert foot_of(FIGURES["fig2"](made.full("fig2"))) == (
        "mean ± 1 sd over seeds 0, 1, 2; 18 networks, 900 subnetworks"
    )
    assert foot_of(FIGURES["fig5"](made.full("fig5"))).split(" " * 6) == [
        "(a–c) mean ± 1 sd over seeds 0, 1, 2; 33 networks, 330 subnetworks",
        "(d) one trial, seed 0; 1 network, 1,458 subnetworks",
    ]
    assert foot_of(FIGURES["fig6"](made.partial("fig6"))) == (
        "one trial, seed 4; 1 network, 3 subnetworks"
    )


def test_a_point_never_mixes_different_things():
    relu = made.full("fig3").assign(activation="relu")
    with pytest.raises(ValueError, match="several results for method random, sparsity 0"):
        FIGURES["fig3"](pd.concat([made.full("fig3"), relu], ignore_index=True))


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in ("fig5", "fig8")])
def test_a_table_of_other_stages_is_an_error(name):
    with pytest.raises(ValueError, match="no rows of the stages"):
        FIGURES[name](made.search(widths=[100]))


def test_ticks_say_both_sparsity_and_compression():
    figure = FIGURES["fig1"](made.cells("pruned", ["ossum"], sparsities=(0, 0.5, 0.6, 0.75)))
    figure.draw_without_rendering()
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["1×\n0%", "2×\n50%", "2.5×\n60%", "4×\n75%"]


def test_registry_names_the_figures():
    assert list(FIGURES) == list(registry.FIGURES)


def test_methods_can_be_told_apart():
    for look in (style.colour, style.marker):
        assert len({look(method) for method in METHODS}) == len(METHODS)


@pytest.fixture(
    scope="module",
    params=[(name, table) for name in FIGURES for table in (made.full, made.partial)],
    ids=lambda param: f"{param[0]}-{param[1].__name__}",
)
def drawn(request):
    """The name of a figure, and the figure of its full or its partial table."""
    name, table = request.param
    with style.applied():
        figure = FIGURES[name](table(name))
        figure.draw_without_rendering()
        yield name, figure


def test_nothing_is_cut_off_or_overlaps(drawn):
    _, figure = drawn
    texts = [figure._supxlabel, *figure.legends]
    for axes in figure.axes:
        names = [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        names = [text for text in names if text.get_visible() and text.get_text()]
        legend = axes.get_legend()
        assert legend is None or _within(legend, axes)
        texts += names
        for axis in (axes.xaxis, axes.yaxis):
            ticks = [text for text in axis.get_ticklabels() if _is_drawn(text, axis)]
            for one, other in combinations(ticks, 2):
                assert not _overlap(one, other), (one, other)
            texts += ticks
    for text in texts:
        assert _within(text, figure), text
    for one, other in combinations(texts, 2):
        assert not _overlap(one, other), (one, other)
    assert min(text.get_fontsize() for text in texts if hasattr(text, "get_fontsize")) >= 7


def test_panels_have_letters_and_contain_their_lines(drawn):
    name, figure = drawn
    lettered = [axes._left_title.get_text() for axes in figure.axes if axes._left_title.get_text()]
    expected = figure.axes[:2] if name == "fig8" else figure.axes
    assert lettered == [f"({'abcdef'[i]})" for i in range(len(expected))]
    for axes in figure.axes:
        low, high = axes.get_ylim()
        for y in (line.get_ydata() for line in axes.lines):
            assert np.all((low <= y) & (y <= high))


@pytest.mark.parametrize("name", FIGURES)
def test_files_are_written_with_embedded_fonts(name, tmp_path):
    paths = [tmp_path / f"{name}.pdf", tmp_path / f"{name}.png"]
    draw(name, made.partial(name), paths)
    pdf = paths[0].read_bytes()
    assert pdf.startswith(b"%PDF") and b"/FontFile2" in pdf and b"/Type3" not in pdf
    assert paths[1].read_bytes().startswith(b"\x89PNG")


def _is_drawn(text, axis) -> bool:
    low, high = sorted(axis.get_view_interval())
    position = text.get_position()[0 if axis.axis_name == "x" else 1]
    return bool(text.get_visible() and text.get_text() and low <= position <= high)


def _within(artist, owner) -> bool:
    box = artist.get_window_extent()
    around = owner.bbox.padded(1)  # pixel
    return around.contains(*box.p0) and around.contains(*box.p1)


def _overlap(one, other) -> bool:
    a, b = one.get_window_extent(), other.get_window_extent()
    return bool(a.padded(-0.5).overlaps(b.padded(-0.5)))
