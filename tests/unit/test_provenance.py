"""What a result is made from: which modules a script's hash covers, and what counts as a change."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers import ROOT

from ossum.workflow import provenance
from ossum.workflow.provenance import code_hash, sources

NETWORKS = {"config/architectures", "networks/network", "networks/recipe", "networks/rng"}
DATA = {"datasets/dataset", "datasets/split"}
FORWARD = NETWORKS | DATA | {"networks/forward", "networks/pixel_weights"}
EVALUATION = FORWARD | {"networks/evaluation"}
PRUNING = FORWARD | {"pruning/scoring", "pruning/view"}
TRAINING = EVALUATION | {"training/curves", "training/ensemble", "training/stack"}
DRAWING = {
    *("ablations", "accuracy", "compared", "controls", "curves", "panels", "style"),
    *("tables", "weights"),
}
FIGURES = {f"figures/{name}" for name in DRAWING}
# By hand: a change of one of these re-runs all jobs of the script, a change of another one none.
# Beside them are the packages that they are in; the rules add the modules of data sets and methods.
COVERED = {
    "dataset": DATA,
    "init": NETWORKS,
    "train_network": TRAINING,
    "train": TRAINING | {"training/rescaling"},
    "prune": PRUNING,
    "evaluate": EVALUATION,
    "evaluate_trained": EVALUATION,
    "statistics": NETWORKS | {"analysis/weight_statistics"},
    "readout": EVALUATION | {"analysis/readout"},
    "search": EVALUATION | PRUNING | {"analysis/search"},
    "cost": PRUNING | {"analysis/pruning_cost"},
    "table": set(),
    "figure": FIGURES | {"figures/pages", "figures/summary"},
    "compared": FIGURES,
    "claims": {"claims/check", "claims/page", "claims/statistics", "claims/table"}
    | FIGURES
    | {"figures/claims", "figures/pages"},
    "readings": {"claims/check", "claims/readings", "claims/statistics", "claims/table"}
    | FIGURES
    | {"figures/claims"},
    "paper": {"claims/article", "claims/check", "claims/readings", "claims/statistics"}
    | {"claims/table"}
    | FIGURES,
    "verify": {"analysis/verify"},
}


def covered(script: str, *modules: str) -> set[str]:
    """The modules of the package behind a script, without packages."""
    names = {str(path.relative_to(ROOT)).removesuffix(".py") for path in sources(script, *modules)}
    assert script.removesuffix(".py") in names
    names = {name.removeprefix("ossum/") for name in names if name.startswith("ossum/")}
    return {name for name in names if not name.endswith("__init__")}


def test_every_script_is_pinned():
    assert set(COVERED) == {path.stem for path in ROOT.glob("scripts/*.py")}


@pytest.mark.parametrize("script", COVERED)
def test_a_hash_covers_what_the_script_imports_and_computes_with(script):
    assert covered(f"scripts/{script}.py") == COVERED[script]


def test_methods_and_data_sets_are_covered_by_what_the_rules_add():
    def more(*modules):
        return covered("scripts/prune.py", *modules) - COVERED["prune"]

    assert more("ossum.pruning.by_score") == {"pruning/by_score"}
    assert more("ossum.pruning.gradient") == {
        *("pruning/gradient", "training/masks", "training/products", "training/half_kernels"),
    }
    assert more("ossum.datasets.digits") == {"datasets/digits"}
    assert more("ossum.datasets.mnist", "ossum.pruning.random") == {
        "datasets/mnist",
        "pruning/random",
    }


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes the module that a script of another repository imports; what its hash then is."""
    (tmp_path / "ossum").mkdir()
    (tmp_path / "script.py").write_text("from ossum.module import x\n\nprint(x)\n")
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    for name in ("_imports", "_text"):
        monkeypatch.setattr(provenance, name, getattr(provenance, name).__wrapped__)

    def hash_with(text: str, name: str = "module") -> str:
        (tmp_path / f"ossum/{name}.py").write_text(text)
        return code_hash.__wrapped__("script.py")

    return hash_with


CODE = 'import re\n\n\ndef x(a, b=1):\n    text = "# not a comment"\n    return a + b\n'


@pytest.mark.parametrize(
    "same",
    [
        f"# Explained.\n{CODE}",
        CODE.replace("a + b", "a + b  # summed"),
        CODE.replace("):\n", '):\n    """Summed.\n\n    Twice.\n    """\n'),
        f'"""A module."""\n\n{CODE}',
        CODE.replace("\n\n\n", "\n"),
        CODE.replace("def", "\n\ndef").replace("1):\n", "1):\n\n"),
    ],
)
def test_explanations_and_layout_do_not_count(module, same):
    assert module(CODE) == module(same)


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("a + b", "a - b"),
        CODE.replace("b=1", "b=2"),
        CODE.replace("# not a comment", "# no comment"),
        f"{CODE}\nY = 1\n",
        CODE.replace("import re", "import io as re"),
    ],
)
def test_code_counts_and_is_followed_through_imports(module, other):
    assert module(CODE) != module(other)


def test_a_module_that_is_moved_is_the_same(module, tmp_path):
    before = module(CODE)
    (tmp_path / "script.py").write_text("from ossum.elsewhere import x\n\nprint(x)\n")
    assert module(CODE, "elsewhere") == before


def test_other_versions_of_python_find_the_same_hashes():
    names = [f"python3.{minor}" for minor in range(12, 16)]
    pythons = [*filter(None, map(shutil.which, names))]
    pythons += [*map(str, Path.home().glob(".pyenv/versions/3.1[2-9].*/bin/python"))]
    scripts = [f"scripts/{name}.py" for name in COVERED]
    program = "import sys; from ossum.workflow.provenance import code_hash\n"
    program += "print(*map(code_hash, sys.argv[1:]))"
    found = []
    for python in pythons:
        command = [python, "-c", program, *scripts]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode == 0:  # one of pyenv's may be a name only
            found.append(done.stdout.split())
    if not found:
        pytest.skip("no other Python is installed")
    assert all(hashes == [code_hash(script) for script in scripts] for hashes in found)


def test_results_say_where_they_come_from():
    facts = provenance.provenance("abc", 2, device="cpu", precision="float32")
    assert facts["code"] == "abc" and facts["threads"] == "2" and facts["device"] == "cpu"
    assert {"commit", "dirty", "python", "torch", "numpy", "machine", "time"} <= set(facts)
    assert all(isinstance(value, str) and value for value in facts.values())
