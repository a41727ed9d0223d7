"""The repository keeps itself in order: environments in step, code in style, workflow linted."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from helpers import ROOT

import ossum

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FOLDERS = ("benchmarks", "config", "docs", "ossum", "profiles", "rules", "scripts", "tests", ".ci")
FOLDERS += ("snakemake_logger_plugin_ossum",)


def pins(text: str) -> dict[str, str]:
    found = re.findall(r"^ *(?:- )?([A-Za-z0-9_.-]+)==(\S+)$", text, flags=re.M)
    return {name.lower().replace("_", "-"): version for name, version in found}


@pytest.fixture(scope="module")
def direct() -> dict[str, str]:
    """What pyproject.toml asks for: name -> lowest version."""
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    return dict(re.fullmatch(r"([a-z-]+)>=(\S+)", text).groups() for text in wanted)


@pytest.fixture(scope="module")
def lock() -> dict[str, str]:
    return pins((ROOT / "requirements.lock").read_text())


def test_the_lock_pins_all_that_is_needed_and_conda_gets_the_same(direct, lock):
    for name, lowest in direct.items():
        locked = [int(part) for part in re.findall(r"\d+", lock[name])]
        assert locked >= [int(part) for part in lowest.split(".")], name
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, with_pip = environment["dependencies"]
    assert "pip" in conda
    assert pins("\n".join(with_pip["pip"])) == {name: lock[name] for name in direct}


def test_the_citation_has_the_version_and_the_licence_of_the_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (ossum.__version__, PROJECT["license"])
    assert "MIT License" in (ROOT / "LICENSE").read_text()
    (paper,) = citation["references"]
    assert paper == citation["preferred-citation"] and paper["year"] == 2021
    names = [author["family-names"] for author in paper["authors"]]
    assert names == ["Sadasivan", "Malaviya", "Dasgupta"]


def test_the_workflow_catalogue_finds_what_it_looks_for():
    """A README of a Snakemake workflow, a Snakefile, rules, and how the workflow is used."""
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme and "workflow" in readme and (ROOT / "Snakefile").exists()
    assert list((ROOT / "rules").glob("*.smk"))
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["report"] is True and usage["software-stack-deployment"]["conda"] is True
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}


def texts() -> dict[str, str]:
    """Every text of the repository, by path."""
    paths = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        paths += [path for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    kinds = {".py", ".smk", ".md", ".yaml", ".yml", ".toml", ".lock", ".rst", ".sh", ".cff", ""}
    chosen = [path for path in paths if path.is_file() and path.suffix in kinds]
    return {str(p.relative_to(ROOT)): p.read_text(encoding="utf-8") for p in chosen}


def test_no_text_knows_the_machine_that_it_was_written_on():
    """Neither folders of somebody's nor a package index that only some can reach."""
    found = {
        f"{name}: {text}"
        for name, content in texts().items()
        for text in re.findall(r"/root/\S*|/home/\w+|index-url|\w+ @ file:\S*", content)
        if Path(name).name != Path(__file__).name
    }
    assert found == set()


def test_no_rule_starts_another_snakemake():
    """As `run:` would, for 1.6 s a job."""
    for name, text in texts().items():
        assert name.endswith(".smk") <= (not re.search(r"^\s+run:", text, re.M)), name


def test_the_environment_at_hand_is_the_locked_one():
    """Only inside of ./run: people may bring their own environment."""
    made_from = ROOT / ".venv/made-from.lock"
    if not sys.prefix.startswith(str(ROOT / ".venv")):
        pytest.skip("not the environment that ./run makes")
    assert made_from.read_text() == (ROOT / "requirements.lock").read_text()


def test_run_passes_commands_on_unchanged(tmp_path):
    """A ready environment is used as it is, whatever folder `run` is called from."""
    (tmp_path / "run").write_text((ROOT / "run").read_text())
    (tmp_path / "run").chmod(0o755)
    (tmp_path / "requirements.lock").write_text("nothing\n")
    tool = tmp_path / ".venv/bin/tool"
    tool.parent.mkdir(parents=True)
    tool.write_text('#!/bin/sh\nprintf "%s|" "$@" "$PYTHONPATH"\nexit 7\n')
    tool.chmod(0o755)
    (tmp_path / ".venv/made-from.lock").write_text("nothing\n")
    command = [str(tmp_path / "run"), "tool", "a b", "$c"]
    done = subprocess.run(command, cwd="/", env={"PATH": "/usr/bin:/bin"}, capture_output=True)
    assert done.returncode == 7
    assert done.stdout.decode() == f"a b|$c|{tmp_path}|"
    alone = subprocess.run([str(tmp_path / "run")], capture_output=True, text=True)
    assert alone.returncode == 2 and "usage: ./run" in alone.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["snakefmt", "--check", "Snakefile", "rules"],
        ["snakemake", "--lint"],
    ],
    ids=" ".join,
)
def test_style(command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if command[-1] == "--lint":
        assert "good condition" in done.stdout + done.stderr
