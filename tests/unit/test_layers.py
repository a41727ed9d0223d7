"""Imports go one way: science knows nothing of the workflow, planning nothing of torch."""

import ast

import pytest
from helpers import ROOT

# Each layer may import those before it. `config` and `storage` import no other.
LAYERS = [
    *("config", "storage", "datasets", "networks", "training", "pruning"),
    *("analysis", "figures", "claims", "workflow", "bench"),
]
ALLOWED = {layer: {*LAYERS[: place + 1], "progress"} for place, layer in enumerate(LAYERS)}
ALLOWED |= {"config": {"config"}, "storage": {"storage"}, "progress": set()}
ALLOWED["front_door"] = {*ALLOWED["pruning"], "front_door"}
ALLOWED["__init__"] = {"front_door", "storage"}  # for type checkers
MODULES = sorted((ROOT / "ossum").rglob("*.py"))


def layer_of(path):
    return path.relative_to(ROOT / "ossum").parts[0].removesuffix(".py")


def imported(path):
    """The full names of what a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_imports_only_those_below_it(layer):
    files = [path for path in MODULES if layer_of(path) == layer]
    found = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(path)
        if name.startswith("ossum.") and name.split(".")[1] not in ALLOWED[layer]
    }
    assert files and not found


def test_every_module_has_a_layer():
    assert {layer_of(path) for path in MODULES} == set(ALLOWED)


def test_only_the_workflow_knows_snakemake():
    found = {
        str(path.relative_to(ROOT))
        for path in MODULES
        if layer_of(path) != "workflow"
        and any(name.split(".")[0] == "snakemake" for name in imported(path))
    }
    assert not found


def test_planning_needs_no_torch():
    for path in MODULES:
        if layer_of(path) == "config":
            assert not {"torch", "numpy", "pandas"} & {n.split(".")[0] for n in imported(path)}
