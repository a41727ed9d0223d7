"""Tables for people: means and deviations over seeds of the numbers in a figure."""

import pandas as pd

from ossum.config.grids import spell_sparsity
from ossum.figures.tables import last_epochs, once
from ossum.storage.results import IDENTITY

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 14px sans-serif }}
table {{ border-collapse: collapse }}
th, td {{ padding: 2px 8px; text-align: right; max-width: 40em; border-bottom: 1px solid #ddd }}
th {{ position: sticky; top: 0; background: #fff; cursor: pointer }}
</style>
<h1>{title}</h1>
{table}
<script>
document.querySelectorAll("th").forEach((head, column) => head.onclick = () => {{
    const order = head.dataset.order = -(head.dataset.order || -1);
    const text = row => row.cells[column].textContent;
    const compare = (a, b) => isNaN(a - b) ? a.localeCompare(b) : a - b;
    const body = document.querySelector("tbody");
    body.append(...[...body.rows].sort((a, b) => order * compare(text(a), text(b))));
}});
</script>
</html>
"""


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Mean, sample standard deviation and number of seeds of what a figure's table measures.

    It has a row for each network, stage, method, sparsity (in a search: widths) and quantity; of
    learning curves at the last epoch. Networks that diverged measure nothing and are not counted.
    """
    table = once(table)
    if "epoch" in table:
        table = last_epochs(table)
    if "variance" in table:
        quantities = ["max", "min", "mean", "variance", "ratio"]
        table = table.assign(ratio=table["positive"] / table["negative"])
    else:
        quantities = ["accuracy"]
        table = table.assign(widths=["-".join(map(str, widths)) for widths in table["widths"]])
    names = [name for name in IDENTITY if name != "seed"]
    names += [name for name in ("layer", "widths", "weight_sparsity") if name in table]
    long = table.melt([*names, "seed"], quantities, var_name="quantity")
    groups = long.groupby([*names, "quantity"], sort=False, dropna=False)["value"]
    summary = groups.agg(mean="mean", sd="std", seeds="count").reset_index()
    spelled = summary["sparsity"].map(spell_sparsity, na_action="ignore").astype("string")
    return summary.assign(sparsity=spelled)


def page(table: pd.DataFrame, title: str) -> str:
    """A table as one HTML page, which loads nothing else. A click on a column sorts by it."""
    html = table.to_html(index=False, border=0, na_rep="", float_format="{:.4g}".format)
    return _PAGE.format(title=title, table=html)
