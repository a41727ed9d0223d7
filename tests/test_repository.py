"""The repository keeps itself in order: environments in step, code in style, workflow linted."""

import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from helpers import ROOT


def pins(lines) -> dict[str, str]:
    found = re.findall(r"^ *(?:- )?([A-Za-z0-9_.-]+)==(\S+)$", "\n".join(lines), flags=re.M)
    return {name.lower().replace("_", "-"): version for name, version in found}


@pytest.fixture(scope="module")
def direct() -> dict[str, str]:
    """What pyproject.toml asks for: name -> lowest version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return dict(re.fullmatch(r"([a-z-]+)>=(\S+)", text).groups() for text in wanted)


def test_lock_pins_all_that_is_needed(direct):
    lock = pins((ROOT / "requirements.lock").read_text().splitlines())
    assert lock["torch"] == "2.13.0" and lock["torchvision"] == "0.28.0"
    for name, lowest in direct.items():
        locked = [int(part) for part in re.findall(r"\d+", lock[name])]
        assert locked >= [int(part) for part in lowest.split(".")]


def test_conda_environment_is_the_locked_one(direct):
    lock = pins((ROOT / "requirements.lock").read_text().splitlines())
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, with_pip = environment["dependencies"]
    assert "pip" in conda
    assert pins(with_pip["pip"]) == {name: lock[name] for name in direct}


def test_citation_has_the_version_and_the_licence_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
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


def test_run_without_a_command_says_how():
    done = subprocess.run([str(ROOT / "run")], capture_output=True, text=True)
    assert done.returncode == 2 and "usage: ./run" in done.stderr


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
