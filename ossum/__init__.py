"""OSSuM: gradient-free pruning of neural networks at initialisation, a reproduction."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ossum.front_door import prune
    from ossum.storage.results import read as read_results

__version__ = "0.1.0"
__all__ = ["prune", "read_results"]

_HOMES = {"prune": ("ossum.front_door", "prune"), "read_results": ("ossum.storage.results", "read")}


def __getattr__(name: str) -> Any:
    """Load a public function when it is asked for, because planning must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, function = _HOMES[name]
    return getattr(import_module(module), function)
