"""Notes what a method does beside looking at its view, as far as Python can tell.

It is for honest people: it finds mistakes, and no intention. A file that a compiled library opens,
another copy of the data, or a gradient that is worked out by hand goes unnoticed.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, wraps
from pathlib import Path
from unittest import mock

import safetensors
import safetensors.torch
import torch

import ossum.datasets


@dataclass
class Seen:
    """gradients: whether autograd went backward. opened: files of data sets, and addresses on the
    network, that were opened. data: the folder of the data sets."""

    data: Path
    gradients: bool = False
    opened: list[str] = field(default_factory=list)

    def backward(self, *_: object) -> None:
        self.gradients = True

    def open(self, path: object, *_: object) -> None:
        if isinstance(path, str | bytes | os.PathLike):  # it may be a number of an open file
            path = Path(os.fsdecode(path))
            if self.data in (*path.absolute().parents, *path.resolve().parents):
                self.opened.append(str(path))

    def connect(self, _: object, address: object) -> None:
        self.opened.append(f"a connection to {address}")


# What notes what happens now, innermost last.
_watching: list[Seen] = []


@contextmanager
def watched(data: Path) -> Iterator[Seen]:
    """What happens within. data: the folder of the data sets.

    A file that is imported within, and names what it calls, is seen to call it later, too.
    """
    _listen()
    with ExitStack() as stack:
        calls = [
            (torch.autograd, "backward", Seen.backward),
            (torch.autograd, "grad", Seen.backward),
        ]
        # These open files in Rust, which Python does not hear of.
        modules = (safetensors, safetensors.torch, ossum.datasets)
        calls += [(module, "safe_open", Seen.open) for module in modules]
        for module, name, note in calls:
            noted = _noted(getattr(module, name), note)
            stack.enter_context(mock.patch.object(module, name, noted))
        _watching.append(Seen(data.resolve()))
        try:
            yield _watching[-1]
        finally:
            _watching.pop()


def _noted(call: Callable, note: Callable) -> Callable:
    """The same function, which is noted if somebody watches."""

    @wraps(call)
    def noted(*arguments, **named):
        if _watching:
            note(_watching[-1], *arguments)
        return call(*arguments, **named)

    return noted


@cache
def _listen() -> None:
    """Hear of what Python itself opens; once, because there is no way to take this back."""
    notes = {"open": Seen.open, "socket.connect": Seen.connect}

    def hear(event: str, arguments: tuple) -> None:
        if _watching and event in notes:
            notes[event](_watching[-1], *arguments)

    sys.addaudithook(hear)
