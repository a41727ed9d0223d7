"""OSSuM: gradient-free pruning of neural networks at initialisation, a reproduction.

`prune` makes a smaller copy of a model, `scores` says how good each of its neurons is, and `report`
what pruning did. `torch_pruning_importance` brings the scores into Torch-Pruning. `read_results`
reads what the workflow writes; it needs `pip install 'ossum[workflow]'`.
docs/prune-your-network.md has examples.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ossum.front_door.prune import prune, report, scores
    from ossum.front_door.torch_pruning import torch_pruning_importance
    from ossum.storage.results import read as read_results
else:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        """Load a public function when it is asked for, because planning must not wait for torch."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, function = _HOMES[name]
        try:
            return getattr(import_module(module), function)
        except ModuleNotFoundError as error:
            raise AttributeError(
                f"ossum.{name} needs {error.name}: pip install 'ossum[workflow]'"
            ) from error


__version__ = "0.1.0"
__all__ = ["prune", "read_results", "report", "scores", "torch_pruning_importance"]

_HOMES = {name: ("ossum.front_door.prune", name) for name in ("prune", "report", "scores")}
_HOMES["torch_pruning_importance"] = ("ossum.front_door.torch_pruning", "torch_pruning_importance")
_HOMES["read_results"] = ("ossum.storage.results", "read")


def __dir__() -> list[str]:
    """For `help(ossum)` and completion, which would not see what is not loaded yet."""
    return sorted({*globals(), *__all__})
