"""HTML pages for people, each in one file that loads nothing else."""

import base64
from html import escape
from pathlib import Path

import pandas as pd

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.45 sans-serif; max-width: 62rem; margin: 1.5rem auto; padding: 0 1rem }}
img {{ max-width: 100% }}
svg {{ width: 100%; max-width: 46rem; height: auto }}
table {{ border-collapse: collapse; font-size: 13px }}
th, td {{ padding: 3px 8px; text-align: left; border-bottom: 1px solid #ddd; vertical-align: top }}
th {{ position: sticky; top: 0; background: #fff; cursor: pointer }}
td.number {{ text-align: right; white-space: nowrap }}
input {{ font: inherit; padding: 4px 8px; width: 22rem; max-width: 100%; margin-bottom: 6px }}
section {{ border: 1px solid #ddd; border-radius: 6px; padding: 4px 14px; margin: 12px 0 }}
section p {{ margin: 6px 0 }}
.badge {{ color: #fff; border-radius: 4px; padding: 1px 8px; white-space: nowrap }}
.note {{ background: #f4f4f4; border-left: 4px solid #999; padding: 6px 12px }}
</style>
<h1>{title}</h1>
{body}
<script>
document.querySelectorAll("table.data").forEach(table => {{
    const body = table.tBodies[0], rows = [...body.rows];
    table.querySelectorAll("th").forEach((head, column) => head.onclick = () => {{
        const order = head.dataset.order = -(head.dataset.order || -1);
        const text = row => row.cells[column].textContent;
        const compare = (a, b) => isNaN(a - b) ? a.localeCompare(b) : a - b;
        body.append(...rows.sort((a, b) => order * compare(text(a), text(b))));
    }});
    table.previousElementSibling.oninput = event => {{
        const words = event.target.value.toLowerCase().split(/\\s+/);
        rows.forEach(row => row.hidden =
            !words.every(word => row.textContent.toLowerCase().includes(word)));
    }};
}});
</script>
</html>
"""


def page(title: str, body: str) -> str:
    """A page with that heading; `body` is HTML."""
    return _PAGE.format(title=escape(title), body=body)


def sortable(table: pd.DataFrame) -> str:
    """A table of texts and numbers. A click on a column sorts by it, and a field filters rows."""
    heads = "".join(f"<th>{escape(name)}</th>" for name in table)
    rows = "\n".join(
        f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.itertuples(index=False, name=None)
    )
    return (
        '<input type="search" placeholder="show rows with these words">\n'
        f'<table class="data"><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>'
    )


def _cell(text: str) -> str:
    try:
        float(text)
    except ValueError:
        return f"<td>{escape(text)}</td>"
    return f'<td class="number">{text}</td>'


def image(path: str | Path, alt: str) -> str:
    """A PNG file inside the page."""
    data = base64.b64encode(Path(path).read_bytes()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'
