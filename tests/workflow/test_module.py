"""The workflow as a module of another one, under other names, as docs/extend.md shows it."""

import os
import re

from helpers import ROOT
from workflows import configure, done, plan, snakemake

OUTER = f"""
configfile: "{ROOT}/config/config.yaml"
configfile: "config.yaml"


module ossum:
    snakefile:
        "{ROOT}/Snakefile"
    config:
        config
    # more


use rule * from ossum as ossum_*


rule mine:
    default_target: True
    input:
        "figures/fig1.pdf",
        "results/tables/fig4.parquet",
    output:
        "mine.txt",
    shell:
        'ls {{input}} > {{output}}; env | grep -E "^(OMP_WAIT|GOMP_SPIN)" >> {{output}}'
"""


def test_another_workflow_goes_on_from_what_is_finished(copy, monkeypatch):
    """It computes nothing anew. Jobs are told how threads wait, unless the user has told them."""
    for name in [name for name in os.environ if re.match("OMP_WAIT|GOMP_SPIN", name)]:
        monkeypatch.delenv(name)
    (copy / "Snakefile").write_text(OUTER)
    (copy / "ossum.py").write_text("raise ImportError('the package beside the module is meant')")
    profile = ["--workflow-profile", str(ROOT / "profiles/default")]
    said = snakemake(copy, *profile, snakefile=copy / "Snakefile")
    assert done(said) == {"mine": 1}
    expected = "figures/fig1.pdf\nresults/tables/fig4.parquet\nGOMP_SPINCOUNT=10000\n"
    assert (copy / "mine.txt").read_text() == expected


def test_its_files_can_be_put_into_a_folder(tmp_path):
    configure(tmp_path / "config.yaml")
    (tmp_path / "Snakefile").write_text(OUTER.replace("# more", 'prefix: "there"'))
    jobs = plan(tmp_path, "there/results/tables/fig6.parquet", snakefile=tmp_path / "Snakefile")
    made = {"dataset": 1, "init": 1, "prune": 1, "train": 1, "evaluate_trained": 1, "table": 1}
    assert jobs == {f"ossum_{rule}": count for rule, count in made.items()}
