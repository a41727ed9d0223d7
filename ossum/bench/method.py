"""The method that is benched: one of ours by its id, or a function in somebody's own file."""

import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from ossum.config.registry import METHODS, lookup
from ossum.pruning import PruningMethod, prune_network


class BenchError(ValueError):
    """What was asked for cannot be benched; the message says what was expected."""


@dataclass(frozen=True)
class Method:
    """What to call, and what is known of it beforehand.

    name: what tables call it. gradients: whether it says that it uses gradients.
    cache_activations: see `ossum.pruning.view.TrainingView`.
    modules: those of ours that it is in; none for somebody's own.
    sha256: of the file of somebody's own; "" for ours.
    """

    name: str
    prune: PruningMethod
    modules: tuple[str, ...] = ()
    gradients: bool = False
    cache_activations: bool = False
    sha256: str = ""


def find_method(wanted: str) -> Method:
    """The method of an id of `METHODS`, "my_method.py", or "my_method.py:function".

    BenchError if there is none.
    """
    if wanted in METHODS:
        spec = METHODS[wanted]
        prune = partial(prune_network, wanted)
        return Method(spec.label, prune, (spec.module,), spec.gradients, spec.reads_activations)
    name, _, function = wanted.partition(".py:")
    path = Path(f"{name}.py") if function else Path(wanted)
    if path.suffix != ".py":
        try:
            lookup(METHODS, wanted, "method")
        except ValueError as error:
            raise BenchError(f"{error}. One of yours is a file, as in my_method.py") from None
    if not path.is_file():
        raise BenchError(f"there is no file {path}")
    module = _load(path)
    found = getattr(module, function, None) if function else _only_function(module, path)
    if found is None:
        raise BenchError(f"{path} has no function {function}")
    if not callable(found) or not _takes_three(found):
        raise BenchError(f"{function or path.stem} in {path} must take (network, widths, view)")
    return Method(function or path.stem, found, sha256=sha256(path.read_bytes()).hexdigest())


def _load(path: Path) -> ModuleType:
    name = f"ossum_bench_{path.stem}"  # or a file torch.py would take torch's place
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:  # a method may import what lies beside it, but hide nothing
        sys.path.append(folder)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise BenchError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _only_function(module: ModuleType, path: Path) -> Callable:
    """The function of that name, or the only one of the file that takes what a method gets."""
    own = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and name[0] != "_"
    }
    if path.stem in own:
        return own[path.stem]
    fitting = [name for name, function in own.items() if _takes_three(function)]
    if len(fitting) != 1:
        raise BenchError(
            f"{path} has {len(fitting) or 'no'} functions of three arguments, (network, widths, "
            f"view): say which one is the method, as in {path}:{(fitting or ['prune'])[0]}"
        )
    return own[fitting[0]]


def _takes_three(function: Callable) -> bool:
    try:
        inspect.signature(function).bind("network", "widths", "view")
    except (TypeError, ValueError):  # some that are not written in Python do not say
        return False
    return True
