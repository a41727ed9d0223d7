"""What comes from outside is data: it is checked, and never run."""

import ast
import gzip
import io
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT
from test_datasets import arrays, idx_files, pins, sha256
from workflows import CELL, snakemake

from ossum.config import ConfigError, parse_config
from ossum.datasets import cifar10, mnist, sources
from ossum.datasets.dataset import Dataset, Source

FOLDERS = ("ossum", "scripts", "benchmarks")
CODE = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
RULES = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
CALLS = {
    *("eval", "exec", "os.system", "os.popen", "torch.load", "yaml.load", "yaml.unsafe_load"),
    *("np.load", "numpy.load", "pd.read_pickle", "pandas.read_pickle", "subprocess.getoutput"),
    *("tarfile.extractall", "tar.extractall", "tar.extract", "shutil.unpack_archive"),
}  # fmt: skip
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "zipfile"}


def unsafe(source: str) -> list[str]:
    """What a source file does that no file here may do."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.append(node.module)
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name for name in names if name in CALLS]
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            bad = name in CALLS or name.endswith((".extractall", ".unpack_archive"))
            found += [name] * bad
            found += [f"{name}(shell)" for k in node.keywords if k.arg == "shell"]
            found += [f"{name}(pickle)" for k in node.keywords if k.arg == "allow_pickle"]
    return found


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_unpickles_evaluates_unpacks_or_calls_a_shell(path):
    """No pickle, no eval, no shell, no archive unpacked to disk, in any file of ours."""
    assert unsafe(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "from os import system",
        "torch.load(path)",
        "np.load(f, allow_pickle=True)",
        "eval(text)",
        "subprocess.run(f'ls {x}', shell=True)",
        "os.system(command)",
        "archive.extractall(folder)",
        "yaml.load(text)",
    ],
)
def test_the_scan_sees_what_it_looks_for(line):
    """The rule above can fail."""
    assert unsafe(line)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_no_rule_has_a_shell_command(path):
    """Jobs are scripts: no shell line is ever built from wildcards or the configuration."""
    text = path.read_text()
    assert not re.search(r"^\s*(shell|run)\s*:|\bshell\(", text, re.MULTILINE)
    assert not re.search(r"\b(eval|exec)\(|\bos\.(system|popen)\b|\bpickle\b|subprocess", text)


@pytest.mark.parametrize("name", ["a; touch x", "$(touch x)", "a b", "../a", "a'", "-a", "A", ""])
def test_names_from_the_configuration_are_harmless_everywhere(name):
    """The one free name in a configuration, a grid's, becomes part of rules and paths."""
    with pytest.raises(ConfigError, match="a grid's name is of a-z, 0-9 and '-'"):
        parse_config({"grids": {name: {}}})


def test_a_folder_with_a_hostile_name_is_a_folder(tmp_path):
    """What the path of the working directory says is not run either."""
    folder = tmp_path / "a b; touch x $(touch y) 'c"
    folder.mkdir()
    snakemake(folder, CELL)
    assert (folder / CELL).exists()
    assert not [path for path in tmp_path.rglob("*") if path.name in ("x", "y")]


def test_a_configuration_file_is_data(tmp_path):
    """YAML tags that would call Python are refused."""
    evil = f"threads: !!python/object/apply:os.system ['touch {tmp_path}/x']\n"
    (tmp_path / "evil.yaml").write_text(evil)
    run = snakemake(tmp_path, "--dry-run", config=tmp_path / "evil.yaml", check=False)
    assert run.returncode != 0 and not (tmp_path / "x").exists()


def evil_tar(path: Path, wanted: str, **link) -> None:
    """A .tar.gz with members outside of the folder, and `wanted` as a link if any is given."""
    with tarfile.open(path, "w:gz") as tar:
        for name in ("../evil", "/tmp/ossum-evil", "package/../../evil", "ok/evil"):
            info = tarfile.TarInfo(name)
            info.size = 4
            tar.addfile(info, io.BytesIO(b"evil"))
        info = tarfile.TarInfo(wanted)
        info.type, info.linkname = link.get("type", tarfile.REGTYPE), link.get("linkname", "")
        info.size = 0 if link else 4
        tar.addfile(info, io.BytesIO(b"good"))


@pytest.mark.parametrize(
    "link",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "../evil"},
        {"type": tarfile.FIFOTYPE},
        {},
    ],
    ids=["symlink", "hard link", "pipe", "file"],
)
def test_archives_are_read_by_name_and_nothing_is_unpacked(tmp_path, link):
    """`../`, absolute paths and links in an archive lead nowhere, even with the right checksum."""
    archive = tmp_path / "folder/a.tgz"
    archive.parent.mkdir()
    evil_tar(archive, "package/a", **link)
    if link:
        with pytest.raises(ValueError, match="lacks package/a"):
            sources.read_members(archive, sha256(archive), ["package/a"])
    else:
        found = sources.read_members(archive, sha256(archive), ["package/a"])
        assert found == {"package/a": b"good"}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]
    assert not Path("/tmp/ossum-evil").exists()


@pytest.mark.parametrize(
    ("source", "file"),
    [
        (cifar10.DATASET.sources[0], cifar10.ARCHIVE),
        (cifar10.DATASET.sources[1], cifar10.TARBALL),
        (mnist.DATASET.sources[1], mnist.TARBALL),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_archives_are_not_opened_before_their_checksum_is_right(
    tmp_path, monkeypatch, source, file
):
    """Nobody's decoder sees a foreign or truncated archive."""
    monkeypatch.setattr(tarfile, "open", lambda *_, **__: pytest.fail("opened"))
    (tmp_path / file).write_bytes(b"evil")
    with pytest.raises(ValueError, match=rf"{re.escape(file)} is damaged: its SHA-256 is"):
        source.decode(tmp_path)


def test_decoded_arrays_are_checked_before_anything_is_written(tmp_path):
    """Right files with one wrong pixel, packed by whomever, become no data set."""
    data = arrays(6)
    published = pins(data)
    data["train_images"][0, 0] ^= 1
    for name, content in idx_files(data).items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    only = Source("files", mnist.DATASET.sources[0].decode)
    with pytest.raises(RuntimeError, match="train_images is damaged: its SHA-256 is"):
        sources.obtain("mnist", Dataset(255, 0.5, 0.5, published, (only,)), tmp_path)


def test_a_source_that_lacks_an_array_is_refused():
    data = arrays(6)
    dataset = Dataset(255, 0.5, 0.5, pins(data), ())
    dataset.verify(data)
    del data["test_labels"]
    dataset.verify(data, "train")
    for split in ("", "test"):
        with pytest.raises(ValueError, match="test_labels is missing"):
            dataset.verify(data, split)


def test_a_download_replaces_no_file_of_the_user(tmp_path):
    """Downloads go into a folder of their own; of what comes, only new files are kept."""
    precious = tmp_path / "data/precious"
    precious.parent.mkdir()
    precious.write_text("mine")

    def fetch(folder: Path) -> None:
        (folder / "precious").write_text("evil")
        np.save(folder / "a.npy", np.zeros(1, np.uint8))

    def decode(folder: Path) -> dict:
        return {"train_images": np.load(folder / "a.npy")}

    published = pins({"train_images": np.zeros(1, np.uint8)})
    dataset = Dataset(255, 0, 1, published, (Source("s", decode, fetch),))
    sources.obtain("a", dataset, precious.parent)
    assert precious.read_text() == "mine"
    assert {path.name for path in precious.parent.iterdir()} == {"a.npy", "precious"}
