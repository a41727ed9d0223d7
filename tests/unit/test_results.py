"""Result tables: one typed table of many files, whole files only, damage that is named."""

from itertools import product

import figure_tables as made
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ossum.storage import results
from ossum.storage.files import atomic

TABLES = {
    "evaluations": (made.search(widths=(100, 200)), results.EVALUATIONS),
    "curves": (made.curves(("norm",), 2), results.CURVES),
    "statistics": (made.statistics(), results.STATISTICS),
    "costs": (
        made.evaluations("cost", ("norm",)).assign(passes=1.0)[results.COSTS.names],
        results.COSTS,
    ),
}


@pytest.fixture
def folder(tmp_path):
    """Evaluations in four files, each with its metadata."""
    for seed, method in product((1, 0), ("ossum", "norm")):
        table = made.evaluations("pruned", (method,), sparsities=(0.75, 0), seeds=(seed,))
        path = tmp_path / f"results/evaluations/method={method}/seed={seed}.parquet"
        results.write(table, path, {"code": f"c{seed}", "time": f"t{seed}"})
    return tmp_path / "results/evaluations"


def test_a_folder_is_one_sorted_and_typed_table(folder):
    (folder / ".method=norm.parquet").write_text("left behind by a killed job")
    table = results.read(folder)
    found = list(zip(table["method"], table["sparsity"], table["seed"], strict=True))
    assert found == list(product(("norm", "ossum"), (0.0, 0.75), (0, 1)))
    assert table["sparsity"].dtype == float and table["seed"].dtype == int
    assert list(table["widths"][2]) == [250, 250, 250]
    assert table["mask_accuracy"].isna().all()


def test_the_documented_pandas_line_reads_the_same(folder):
    plain = pd.read_parquet(folder, partitioning=None)
    keys = [field.name for field in results.KEYS]
    plain = plain.sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(plain, results.read(folder), check_dtype=False)


@pytest.mark.parametrize("kind", TABLES)
def test_every_kind_of_table_is_read_as_it_was_written(kind, tmp_path):
    table, schema = TABLES[kind]
    path = tmp_path / "table.parquet"
    results.write(table.sample(frac=1, random_state=0), path, {"code": "c"}, schema)
    read = results.read(path)
    assert list(read.columns) == schema.names and len(read) == len(table)
    again = tmp_path / "again.parquet"
    results.write(read.to_dict("records"), again, {"code": "c"}, schema)
    pd.testing.assert_frame_equal(results.read(again), read)
    assert results.read_metadata(path) == {"code": "c"}


def test_tables_of_two_kinds_are_not_one(tmp_path):
    for kind, (table, schema) in TABLES.items():
        results.write(table, tmp_path / f"{kind}.parquet", {}, schema)
    with pytest.raises(ValueError, match=r"curves.parquet does not have the columns of .*costs"):
        results.read([tmp_path / "costs.parquet", tmp_path / "curves.parquet"])


def test_metadata_are_merged(folder):
    paths = [str(path) for path in sorted(folder.rglob("*.parquet"))]
    merged = results.merged_metadata([*paths, folder / "missing.parquet"])
    assert merged == {"code": "c0, c1", "first": "t0", "last": "t1"}


def test_another_table_is_said_to_be_none_of_results(folder):
    """The verdicts, say, which are beside the folders of results."""
    pq.write_table(pa.table({"claim": ["headline"]}), folder / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet is no table of results: read a folder, say"):
        results.read(folder)


def cut_off(path) -> str:
    path.write_bytes(path.read_bytes()[:-20])
    return "is damaged"


def flipped_bits(path) -> str:
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)
    return "is damaged"


def other_columns(path) -> str:
    pq.write_table(pq.read_table(path).drop_columns("loss").append_column("x", [[1, 2]]), path)
    return "loss missing; x unknown"


def other_type(path) -> str:
    table = pq.read_table(path)
    column = table.schema.get_field_index("seed")
    table = table.set_column(column, "seed", table["seed"].cast(pa.int32()))
    pq.write_table(table, path)
    return "seed is int32, not int64"


def other_program(path) -> str:
    pd.read_parquet(path).to_parquet(path, index=False)
    return "another program has written it"


DAMAGES = [cut_off, flipped_bits, other_columns, other_type, other_program]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_no_result_is_named(folder, damage):
    path = next(folder.rglob("*.parquet"))
    said = damage(path)
    with pytest.raises(ValueError, match=rf"{path.name}.*{said}.*Delete it and run again"):
        results.read(folder)


def test_a_file_that_is_missing_or_damaged_has_no_metadata(folder):
    path = next(folder.rglob("*.parquet"))
    cut_off(path)
    assert results.read_metadata(path) is None
    assert results.read_metadata(folder / "missing.parquet") is None


def test_rows_need_their_columns(tmp_path):
    rows = made.evaluations("pruned", ("norm",)).drop(columns="macs").to_dict("records")
    with pytest.raises((ValueError, pa.ArrowInvalid), match=r"macs|null"):
        results.write(rows, tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_whole_or_absent(tmp_path):
    path = tmp_path / "file"
    with atomic(path) as temporary:
        temporary.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
