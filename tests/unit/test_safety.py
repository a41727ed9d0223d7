"""Nothing that comes from outside is run. Most of this is for ruff's S rules to see."""

import re

from helpers import ROOT


def texts(*patterns):
    return {
        path: path.read_text(encoding="utf-8")
        for pattern in patterns
        for path in ROOT.glob(pattern)
    }


def test_nothing_is_unpickled():
    unpickling = re.compile(
        r"\btorch\.load\b|\b(import|from) (pickle|dill|cloudpickle|joblib|marshal|shelve)\b"
        r"|\bread_pickle\b|\ballow_pickle\b"
    )
    code = texts("ossum/**/*.py", "scripts/*.py", "benchmarks/*.py", "rules/*.smk", "Snakefile")
    assert len(code) > 60
    assert not [path for path, text in code.items() if unpickling.search(text)]


def test_no_rule_has_a_shell_command():
    """Jobs are scripts: no shell line is ever built from wildcards or the configuration."""
    shell = re.compile(r"^\s*(shell|run)\s*:|\bshell\(|\b(eval|exec)\(", re.MULTILINE)
    assert not [
        path for path, text in texts("rules/*.smk", "Snakefile").items() if shell.search(text)
    ]
