"""Result tables: tidy rows in Parquet.

The key columns are inside the files, so nobody has to guess types from paths:

    ossum.read_results("results/evaluations")
    pandas.read_parquet("results/evaluations", partitioning=None)     # the same, in plain pandas
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ossum.storage.files import atomic

KEYS = [
    pa.field("grid", pa.string(), nullable=False),
    pa.field("options", pa.string(), nullable=False),  # of the grid's own, JSON; "" if none
    pa.field("dataset", pa.string(), nullable=False),
    pa.field("architecture", pa.string(), nullable=False),
    pa.field("activation", pa.string(), nullable=False),
    pa.field("distribution", pa.string(), nullable=False),
    pa.field("origin", pa.string(), nullable=False),  # initial or trained
    pa.field("method", pa.string()),  # none: a whole network
    pa.field("sparsity", pa.float64()),  # none: of a search, or a whole network
    pa.field("seed", pa.int64(), nullable=False),
    pa.field("stage", pa.string(), nullable=False),  # see ossum.config.registry.STAGES
]

# What a result is of. The name of its grid is left out: other grids may have the same result.
IDENTITY = [field.name for field in KEYS if field.name != "grid"]

# Test accuracy and loss of a network, by which a stage is judged.
EVALUATIONS = pa.schema(
    [
        *KEYS,
        pa.field("widths", pa.list_(pa.int64()), nullable=False),  # kept neurons a hidden layer
        pa.field("weight_sparsity", pa.float64(), nullable=False),  # fraction of weights pruned
        pa.field("compression", pa.float64(), nullable=False),  # all weights / kept weights
        pa.field("macs", pa.int64(), nullable=False),  # multiply-accumulates an example
        pa.field("correct", pa.int64()),  # test examples; none if training diverged
        pa.field("total", pa.int64(), nullable=False),
        pa.field("accuracy", pa.float64()),  # 0 to 1; none if training diverged
        pa.field("loss", pa.float64()),  # mean cross-entropy, nats; none if training diverged
        pa.field("train_loss", pa.float64()),  # of a readout and, in the reference, of training
        pa.field("diverged", pa.bool_(), nullable=False),  # a weight or the loss became infinite
        pa.field("mask_accuracy", pa.float64()),  # of the real-valued mask, supermasks only
        pa.field("seconds", pa.float64(), nullable=False),  # this row's share of its job
    ]
)

# The same epoch by epoch: a learning curve.
CURVES = pa.schema(
    [
        *KEYS,
        pa.field("epoch", pa.int64(), nullable=False),  # 0 is before training
        pa.field("widths", pa.list_(pa.int64()), nullable=False),
        pa.field("correct", pa.int64()),
        pa.field("total", pa.int64(), nullable=False),
        pa.field("accuracy", pa.float64()),
        pa.field("loss", pa.float64()),
        pa.field("train_loss", pa.float64()),  # over the epoch's training; none before
        pa.field("diverged", pa.bool_(), nullable=False),  # then the curve ends
        pa.field("seconds", pa.float64(), nullable=False),  # this row's share of the training
    ]
)

STATISTICS = pa.schema(
    [
        *KEYS,
        pa.field("layer", pa.int64(), nullable=False),  # hidden layer 1..L, incoming weights
        pa.field("count", pa.int64(), nullable=False),  # kept weights
        pa.field("max", pa.float64(), nullable=False),
        pa.field("min", pa.float64(), nullable=False),
        pa.field("mean", pa.float64(), nullable=False),
        pa.field("variance", pa.float64(), nullable=False),
        pa.field("positive", pa.int64(), nullable=False),  # number of positive weights
        pa.field("negative", pa.int64(), nullable=False),
    ]
)

COSTS = pa.schema(
    [
        *KEYS,
        pa.field("passes", pa.float64(), nullable=False),  # over the training set
        pa.field("seconds", pa.float64(), nullable=False),
    ]
)

# What `ossum-bench` found out about a method, which here may be one that only its author has.
BENCH = pa.schema(
    [
        *KEYS,
        pa.field("widths", pa.list_(pa.int64()), nullable=False),
        pa.field("correct", pa.int64(), nullable=False),
        pa.field("total", pa.int64(), nullable=False),
        pa.field("accuracy", pa.float64(), nullable=False),
        # Of one call, which prunes a network to all sparsities:
        pa.field("passes", pa.float64(), nullable=False),  # over the training set
        pa.field("processor_seconds", pa.float64(), nullable=False),
        pa.field("labels", pa.bool_(), nullable=False),  # whether it read them
        pa.field("gradients", pa.bool_(), nullable=False),  # whether it used any
        pa.field("reweights", pa.bool_(), nullable=False),  # whether it changes kept weights
        pa.field("network", pa.string(), nullable=False),  # SHA-256 of its weights
    ]
)
SCHEMAS = (EVALUATIONS, CURVES, STATISTICS, COSTS, BENCH)


def write(
    rows: Iterable[dict] | pd.DataFrame,
    path: str | Path,
    metadata: dict[str, str] | None = None,
    schema: pa.Schema = EVALUATIONS,
) -> None:
    """Write rows atomically, `metadata` in the file's schema."""
    if isinstance(rows, pd.DataFrame):
        table = pa.Table.from_pandas(rows, schema, preserve_index=False)
    else:
        table = pa.Table.from_pylist(list(rows), schema)
    with atomic(path) as temporary:
        table = table.replace_schema_metadata({"ossum": json.dumps(metadata or {})})
        pq.write_table(table, temporary, write_page_checksum=True)


def read(source: str | Path | list[str] | list[Path]) -> pd.DataFrame:
    """One table from a file, a folder or a list of files, sorted by key (and epoch or layer).

    All of one of SCHEMAS. ValueError, naming the file, if one is damaged or has other columns.
    """
    paths = source if isinstance(source, list) else [source]
    if not isinstance(source, list) and Path(source).is_dir():
        paths = sorted(Path(source).rglob("[!.]*.parquet"))
    tables = [_read_file(path) for path in paths]
    schema = tables[0].schema if tables else EVALUATIONS
    for path, table in zip(paths, tables, strict=True):
        if table.schema != schema:
            raise ValueError(f"{path} does not have the columns of {paths[0]}: read one at a time")
    order = [*(field.name for field in KEYS), *({"epoch", "layer"} & {*schema.names})]
    table = pa.concat_tables(tables) if tables else schema.empty_table()
    return table.to_pandas().sort_values(order, ignore_index=True, kind="stable")


def _read_file(path: str | Path) -> pa.Table:
    again = "Delete it and run again, and it is made anew (or, if it came with the code, by git)"
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
        difference = _difference(table.schema)
    except (FileNotFoundError, PermissionError):
        raise
    # Whatever bits are wrong: not one kind of error covers all.
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({' '.join(str(error).split())}). {again}") from error
    if not {"grid", "seed"} & {*table.schema.names}:
        raise ValueError(f"{path} is no table of results: read a folder, say results/evaluations")
    if difference:
        raise ValueError(f"{path} does not have the columns of a result: {difference}. {again}")
    return table.replace_schema_metadata()


def _difference(found: pa.Schema) -> str:
    """How the columns of a file differ from those of the SCHEMAS that is nearest; "" if not."""
    if any(found.equals(known) for known in SCHEMAS):
        return ""
    schema = max(SCHEMAS, key=lambda known: len(set(known.names) & set(found.names)))
    missing = [name for name in schema.names if name not in found.names]
    unknown = [name for name in found.names if name not in schema.names]
    if missing or unknown:
        sides = [f"{', '.join(missing)} missing"] * bool(missing)
        sides += [f"{', '.join(unknown)} unknown"] * bool(unknown)
        return f"{'; '.join(sides)} (made by another version of the code?)"
    if b"ossum" not in (found.metadata or {}):
        return "another program has written it, and left out what it was made from"
    name = next(name for name in schema.names if found.field(name) != schema.field(name))
    return f"{name} is {found.field(name).type}, not {schema.field(name).type}"


def read_metadata(path: str | Path) -> dict[str, str] | None:
    """Provenance stored by `write`; None if there is no such file or it is damaged."""
    try:
        return json.loads(pq.read_schema(path).metadata[b"ossum"])
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
        return None


def merged_metadata(paths: Iterable[str | Path]) -> dict[str, str]:
    """The provenance of what is made from several files: each fact with all its values."""
    facts: dict[str, set[str]] = {}
    for path in paths:
        for key, value in (read_metadata(path) or {}).items():
            facts.setdefault(key, set()).add(value)
    times = sorted(set().union(*(facts.pop(key, set()) for key in ("time", "first", "last"))))
    merged = {key: ", ".join(sorted(values)) for key, values in facts.items()}
    return merged | ({"first": times[0], "last": times[-1]} if times else {})
