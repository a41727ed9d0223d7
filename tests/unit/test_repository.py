"""The repository keeps itself in order: environments in step, code in style, workflow linted."""

import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from helpers import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import ossum

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FOLDERS = ("benchmarks", "config", "docs", "ossum", "profiles", "rules", "scripts", "tests", ".ci")
FOLDERS += ("snakemake_logger_plugin_ossum",)


def pins(text: str) -> dict[str, str]:
    """What a lock pins: name -> version; of torch, the build for this platform."""
    found = {}
    for line in re.findall(r"^[a-z].*$", text, flags=re.M):
        requirement = Requirement(line.rstrip(" \\"))
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.name not in found, f"{requirement.name} is pinned twice"
            found[requirement.name] = str(requirement.specifier).removeprefix("==")
    return found


@pytest.fixture(scope="module")
def direct() -> dict[str, str]:
    """What pyproject.toml asks for: name -> lowest version."""
    extras = PROJECT["optional-dependencies"]
    own, *dev = extras["dev"]
    assert own == "ossum[workflow]"
    wanted = [*PROJECT["dependencies"], *extras["workflow"], *dev]
    return dict(re.fullmatch(r"([a-z-]+)>=(\S+)", text).groups() for text in wanted)


@pytest.fixture(scope="module")
def lock() -> dict[str, str]:
    return pins((ROOT / "requirements.lock").read_text())


def test_the_lock_pins_all_that_is_needed_and_conda_gets_the_same(direct, lock):
    for name, lowest in direct.items():
        assert Version(lock[name]) >= Version(lowest), name
    *conda, with_pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert "pip" in conda
    lines = re.findall(r"^([a-z].*) \\$", (ROOT / "requirements.lock").read_text(), flags=re.M)
    assert [line for line in with_pip["pip"] if not line.startswith("-")] == lines


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-gpu.lock"])
def test_every_package_of_a_lock_has_checksums(name):
    blocks = re.split(r"\n(?=[a-z])", (ROOT / name).read_text())[1:]
    assert len(blocks) > 90
    for block in blocks:
        first, *hashes = block.strip().split(" \\\n")
        assert "==" in first and hashes, first
        assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}", line) for line in hashes), first


def test_the_locks_differ_in_torch_and_its_libraries_only(lock):
    gpu = pins((ROOT / "requirements-gpu.lock").read_text())
    libraries = {name for name in gpu.keys() - lock if re.match("nvidia-|cuda-|triton$", name)}
    assert gpu.keys() - libraries == lock.keys()
    build = {"torch": lock["torch"].split("+")[0]}
    assert {name: gpu[name] for name in lock} == lock | build


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize(
    ("system", "platform", "machine"),
    [("Linux", "linux", "x86_64"), ("Linux", "linux", "aarch64"), ("Darwin", "darwin", "arm64")],
)
def test_the_lock_is_complete_everywhere(direct, python, system, platform, machine):
    """pip installs it without dependencies. All of them, by what the installed packages say of
    their like on another platform, are in it."""
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    environment |= {"platform_system": system, "sys_platform": platform}
    environment |= {"platform_machine": machine, "os_name": "posix", "extra": ""}

    def applies(requirement: Requirement) -> bool:
        return requirement.marker is None or requirement.marker.evaluate(environment)

    lines = re.findall(r"^[a-z].*(?= \\$)", (ROOT / "requirements.lock").read_text(), flags=re.M)
    locked = {
        canonicalize_name(requirement.name): Version(str(requirement.specifier).removeprefix("=="))
        for requirement in filter(applies, map(Requirement, lines))
    }
    waiting, seen = list(direct), set()
    while waiting:
        name = waiting.pop()
        assert name in locked
        seen.add(name)
        with suppress(metadata.PackageNotFoundError):  # of another platform
            for requirement in map(Requirement, metadata.requires(name) or []):
                other = canonicalize_name(requirement.name)
                if applies(requirement):
                    assert other in locked, f"{name} needs {requirement}"
                    assert locked[other] in requirement.specifier, f"{name} needs {requirement}"
                    waiting += {other} - seen
    assert seen <= locked.keys() and len(seen) > 70


def test_one_snakemake_is_the_minimum_and_the_tested_one(direct, lock):
    (minimum,) = re.findall(r'^min_version\("(.*)"\)', (ROOT / "Snakefile").read_text(), re.M)
    assert direct["snakemake"] == minimum == ".".join(lock["snakemake"].split(".")[:2])


def test_one_range_of_pythons_is_supported():
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert [minor for minor in range(30) if f"3.{minor}" in allowed] == [11, 12, 13]
    assert "(3, 11) <= sys.version_info < (3, 14)" in (ROOT / "run").read_text()


def test_the_citation_has_the_version_and_the_licence_of_the_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (ossum.__version__, PROJECT["license"])
    assert "MIT License" in (ROOT / "LICENSE").read_text()
    (paper,) = citation["references"]
    assert paper == citation["preferred-citation"] and paper["year"] == 2021
    names = [author["family-names"] for author in paper["authors"]]
    assert names == ["Sadasivan", "Malaviya", "Dasgupta"]
    reviewers = " ".join((ROOT / "ARTIFACT.md").read_text().split())
    assert paper["url"] in reviewers and f"version {ossum.__version__}" in reviewers


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
    local = r"/root/\S*|/home/\w+|index-url(?! https://download\.pytorch\.org/)|\w+ @ file:\S*"
    found = {
        f"{name}: {text}"
        for name, content in texts().items()
        for text in re.findall(local, content)
        if Path(name).name != Path(__file__).name
    }
    assert found == set()


def test_no_rule_starts_another_snakemake():
    """As `run:` would, for 1.6 s a job."""
    for name, text in texts().items():
        assert name.endswith(".smk") <= (not re.search(r"^\s+run:", text, re.M)), name


def test_the_environment_at_hand_is_the_locked_one(lock):
    """Only inside of ./run: people may bring their own environment."""
    if not (Path(sys.prefix) / "made-from").exists():
        pytest.skip("not the environment that ./run makes")
    found = {canonicalize_name(it.name): it.version for it in metadata.distributions()}
    assert {name: version for name, version in found.items() if name != "pip"} == lock


def clone(folder: Path) -> Path:
    """`run` and locks without packages, in a folder of their own."""
    folder.mkdir()
    shutil.copy(ROOT / "run", folder)
    for name in ("requirements.lock", "requirements-gpu.lock"):
        (folder / name).write_text("# nothing\n")
    return folder


def ready(folder: Path) -> Path:
    """Such a clone with an environment; the folder of its commands."""
    lock = clone(folder) / "requirements.lock"
    commands = folder / ".venv/bin"
    commands.mkdir(parents=True)
    (commands / "python").symlink_to(sys.executable)
    checksum = subprocess.check_output(["cksum"], stdin=lock.open(), text=True).strip()
    (folder / ".venv/made-from").write_text(f"{lock.name} {checksum} in {folder / '.venv'}\n")
    return commands


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess:
    environment = {"PATH": f"{Path(sys.executable).resolve().parent}:/usr/bin:/bin"} | environment
    done = [str(folder / "run"), *command]
    return subprocess.run(done, cwd="/", env=environment, capture_output=True, text=True)


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_run_passes_commands_on_unchanged(tmp_path):
    """A ready environment is used as it is, whatever folder `run` is called from. What the
    environment variables of another Python name does not come before it."""
    folder = tmp_path / "a clone"
    script(ready(folder) / "tool", 'printf "%s|" "$@" "$PYTHONPATH" "${PYTHONHOME-none}"\nexit 7')
    done = run(folder, "tool", "a b", "$c", PYTHONPATH="/elsewhere", PYTHONHOME="/elsewhere")
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout == f"a b|$c|{folder}|none|"
    alone = run(folder)
    assert alone.returncode == 2 and "usage: ./run" in alone.stderr


def test_run_starts_the_bench_by_its_own_python(tmp_path):
    commands = ready(tmp_path / "clone")
    (commands / "python").unlink()
    script(commands / "python", 'echo "$@"')
    assert run(tmp_path / "clone", "ossum-bench", "a b.py").stdout == "-m ossum.bench a b.py\n"


def test_run_checks_by_the_script_for_it(tmp_path):
    ready(tmp_path / "clone")
    script(tmp_path / "clone/tests/check.sh", 'echo checked "$@"')
    assert run(tmp_path / "clone", "check").stdout == "checked\n"


def test_both_recipes_of_a_container_hold_the_same(tmp_path):
    """What they copy is there, and is all that `run` reads; nobody is root afterwards."""
    docker, apptainer = ((ROOT / name).read_text() for name in ("Dockerfile", "apptainer.def"))
    *copied, folder = re.search(r"^COPY (.*)$", docker, re.M)[1].split()
    assert {name for name in copied if not (ROOT / name).is_file()} == set()
    assert {"run", *re.findall(r"requirements[\w-]*\.lock", (ROOT / "run").read_text())} == {
        *copied
    }
    files = re.search(r"%files\n(( .*\n)+)", apptainer)[1].split()
    assert files == [word for name in copied for word in (name, f"{folder}{name}")]
    (base,) = re.findall(r"library/(python:[\w.-]+)", docker)
    assert f"From: {base}\n" in apptainer
    for command in re.findall(r"^RUN (.*)$", docker, re.M):
        for part in command.split(" && "):
            assert part.removeprefix(folder) in apptainer
    assert re.findall(r"^USER (.*)$", docker, re.M) == ["1000:1000"]


def test_run_takes_no_command_of_another_environment(tmp_path):
    ready(tmp_path / "clone")
    script(tmp_path / "other/pytest", "echo other")
    done = run(tmp_path / "clone", "pytest", PATH=f"{tmp_path / 'other'}:/usr/bin:/bin")
    assert done.returncode != 0 and done.stdout == "" and ".venv/bin/pytest" in done.stderr


def test_run_finds_a_place_for_caches_where_home_cannot_be_written(tmp_path):
    """Snakemake would end with a traceback."""
    script(ready(tmp_path / "clone") / "tool", 'echo "${XDG_CACHE_HOME-none}"')
    assert run(tmp_path / "clone", "tool", HOME=str(tmp_path)).stdout == "none\n"
    said = run(tmp_path / "clone", "tool", HOME="/dev/null").stdout
    assert said == f"{tmp_path / 'clone'}/.venv/cache\n"


def test_run_says_which_python_it_needs(tmp_path):
    """An older one does not do, nor a newer one."""
    clone(tmp_path / "clone")
    for tool in ("sh", "dirname", "cat", "grep", "cksum", "mkdir"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    for version in ((3, 10, 1), (3, 14, 0)):
        fake = f"import sys; sys.version_info = {version}; exec(sys.argv[1])"
        script(tmp_path / "python3", f'[ "$1" = -c ] && exec {sys.executable} -c "{fake}" "$2"')
        done = run(tmp_path / "clone", "true", PATH=str(tmp_path))
        assert done.returncode == 1 and "no Python 3.11, 3.12 or 3.13" in done.stderr


def test_one_environment_is_made_by_two_runs_after_one_was_killed_and_again_where_it_is_moved(
    tmp_path,
):
    folder = clone(tmp_path / "clone")
    (folder / ".venv/bin").mkdir(parents=True)  # what a run left that was killed
    (folder / ".venv/bin/python").write_text("not whole")
    environment = {"PATH": f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin"}
    command = [folder / "run", "python", "-c", "import sys; print(sys.prefix)"]
    both = [
        subprocess.Popen(command, env=environment, text=True, stdout=-1, stderr=-1)
        for _ in range(2)
    ]
    said = [process.communicate() for process in both]
    assert [out for out, _ in said] == [f"{folder}/.venv\n"] * 2
    assert sum("making the environment" in error for _, error in said) == 1
    moved = folder.rename(tmp_path / "moved")
    command[0] = moved / "run"
    done = subprocess.run(command, env=environment, text=True, capture_output=True)
    assert done.stdout == f"{moved}/.venv\n" and "making the environment" in done.stderr


def test_git_ignores_what_a_run_makes_also_as_a_link():
    """Large folders are often links to another disk."""
    names = [".venv", ".snakemake", "data", "logs", "check", "results/tables", "figures/fig1.pdf"]
    names += ["report.html", "ro-crate-metadata.json"]
    done = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True)
    if done.returncode == 128:
        pytest.skip("not a git clone")
    assert done.stdout.split() == names


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
