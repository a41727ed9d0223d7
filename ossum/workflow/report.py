"""What the first page of a report says of a run."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

import ossum
from ossum.claims.table import tally
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
        found["Claims"] = tally(checks["verdict"])
    found["Configuration"] = ", ".join(Path(file).name for file in overlays) or "the whole paper"
    if made:
        first, last = (made.get(key, "unknown").partition("T")[0] for key in ("first", "last"))
        found["Computed"] = first if first == last else f"{first} to {last}"
        places = ("machine", "device", "precision")
        found["On"] = ", ".join(made[name] for name in places if name in made)
        packages = ("python", "torch", "numpy", "snakemake")
        found["With"] = ", ".join(f"{name} {made[name]}" for name in packages if name in made)
        commits = sorted({commit[:10] for commit in made.get("commit", "unknown").split(", ")})
        more = f" and {len(commits) - 3} more" if len(commits) > 3 else ""
        changed = " (with changes)" if "True" in made.get("dirty", "") else ""
        found["By commit"] = f"{', '.join(commits[:3])}{more}{changed}"
    code = git("describe", "--tags", "--always", "--dirty")
    found["Drawn by"] = f"version {ossum.__version__}, commit {code or 'unknown'}"
    return found
