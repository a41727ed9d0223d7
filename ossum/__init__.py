"""OSSuM: gradient-free pruning of neural networks at initialization, a reproduction."""

from typing import Any

__all__ = ["prune"]


def __getattr__(name: str) -> Any:
    """`ossum.prune`, loaded when it is asked for: planning a workflow must not wait for torch."""
    if name == "prune":
        # By name, so that no code hash of the workflow covers it (see `ossum.provenance`).
        from importlib import import_module

        return import_module("ossum.front_door").prune
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
