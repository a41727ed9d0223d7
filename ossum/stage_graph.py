"""The rule graph of the workflow with one node a stage: rules are many, a grid each."""

import re

import dagviz
import networkx as nx


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


def draw(graph: nx.DiGraph) -> str:
    """An SVG picture of a graph of stages, first ones at the top, of a fixed size in pixels."""
    picture = dagviz.render_svg(graph)
    _, _, width, height = re.search(r'viewBox="(\S+),(\S+),(\S+),(\S+)"', picture).groups()
    # Without a size of its own an image in a page is as small as nothing.
    sized = f'width="{width}" height="{height}"'
    return picture.replace('width="100%"', sized, 1).replace('height="100%" ', "", 1)
