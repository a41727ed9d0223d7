"""The rule graph of the workflow with one node a stage: rules are many, a grid each."""

import re
from pathlib import Path

import networkx as nx
from matplotlib.figure import Figure


def stages(rulegraph: str) -> nx.DiGraph:
    """The graph that `snakemake --rulegraph mermaid-js` prints, rules of one stage as one node.

    A rule's stage is the first word of its name: "prune" of `prune_two_layer_wide`. Edges that
    follow from others are left out.
    """
    rules = dict(re.findall(r"(id\d+)\[(\w+)\]", rulegraph))
    edges = re.findall(r"(id\d+) --> (id\d+)", rulegraph)
    graph = nx.DiGraph()
    graph.add_nodes_from(name.split("_")[0] for name in rules.values())
    graph.add_edges_from((rules[a].split("_")[0], rules[b].split("_")[0]) for a, b in edges)
    return nx.transitive_reduction(graph)


def draw(graph: nx.DiGraph, path: Path) -> None:
    """Draw a graph of stages from top to bottom, each stage as late as it is needed."""
    layers = list(nx.topological_generations(graph.reverse()))[::-1]
    figure = Figure(figsize=(1.4 * max(map(len, layers)), 0.8 * len(layers)))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 1), ylim=(len(layers), 0))
    axes.set_axis_off()
    look = {"ha": "center", "va": "center", "bbox": {"boxstyle": "round", "fc": "#E3F0F8"}}
    boxes = {}
    for y, layer in enumerate(layers):
        # Outside goes what reads from far above, so that its edges pass by the others.
        near = {stage: len(nx.ancestors(graph, stage)) for stage in layer}
        for x, stage in enumerate(sorted(layer, key=lambda stage: (-near[stage], stage))):
            boxes[stage] = axes.text((x + 0.5) / len(layer), y + 0.5, stage, **look)
    figure.draw_without_rendering()  # the sizes of boxes are known only now
    for ends in graph.edges:
        a, b = (boxes[stage] for stage in ends)
        far = b.get_position()[1] - a.get_position()[1] > 1
        axes.annotate(
            "",
            b.get_position(),
            a.get_position(),
            arrowprops={
                "arrowstyle": "-|>",
                "color": "0.4",
                "connectionstyle": f"arc3,rad={-0.3 if far else 0}",
                "patchA": a.get_bbox_patch(),
                "patchB": b.get_bbox_patch(),
            },
            zorder=0,
        )
    figure.savefig(path)
