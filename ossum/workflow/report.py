"""What the first page of a report says of a run."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

import ossum
from ossum.storage.results import merged_metadata
from ossum.workflow.provenance import git


def facts(tables: Iterable[str], claims: str | None, overlays: Sequence[str]) -> dict[str, str]:
    """Name and value of each fact.

    tables: the tables that the figures of the report are drawn from.
    claims: the table of checks, if the report has the verdicts.
    overlays: the configuration files that change the paper's.
    """
    made = merged_metadata(tables)
    found = {}
    if claims:
        checks = pd.read_parquet(claims).query("of_paper").drop_duplicates("claim")
        words = checks["verdict"].str.partition(" (")[0].value_counts()
        found["Claims of the paper"] = ", ".join(f"{n} {word}" for word, n in words.items())
    found["Configuration"] = ", ".join(Path(file).name for file in overlays) or "the whole paper"
    if made:
        first, last = (
            made.get(key, made.get("time", "")).split("T")[0] for key in ("first", "last")
        )
        found["Computed"] = first if first == last else f"{first} to {last}"
        found["On"] = ", ".join(
            made[key] for key in ("machine", "device", "precision") if key in made
        )
        packages = ("python", "torch", "numpy", "snakemake")
        found["With"] = ", ".join(f"{name} {made[name]}" for name in packages if name in made)
        commits = [commit[:10] for commit in made.get("commit", "").split(", ")]
        found["By commit"] = ", ".join(commits) + " (with changes)" * ("True" in made["dirty"])
    code = git("describe", "--tags", "--always", "--dirty")
    found["Drawn by"] = f"version {ossum.__version__}" + f", commit {code}" * bool(code)
    return found
