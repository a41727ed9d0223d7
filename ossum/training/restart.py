"""Long trainings go on where they were interrupted: snapshots of an ensemble while it trains.

A snapshot holds everything that the rest of the training depends on, so that its results are, to
the last bit, those of a training that nothing disturbed. That of an ensemble serves any of its
members: they may go on in other company.
"""

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ossum.files import atomic, digest
from ossum.provenance import code_hash, module_source
from ossum.tensor_files import checksum
from ossum.training.stack import Stack

FOLDER = Path("results/restart")  # no output of any rule: Snakemake leaves it alone
# A snapshot may take 1 % of the time: so many times as long as one takes is trained until the next.
_TIMES_ITS_COST = 100
_LEAST_SECONDS = 0.5  # in any case
_BYTES_PER_SECOND = 1e8  # of a slow disk, until a first snapshot shows how long it takes


class Restart:
    """The snapshots of one job, in a folder that is named by what decides the job's results.

    made_from: all that does so beside the weights and seeds of the networks, as plain values. Other
    options, code or torch never see these snapshots.
    """

    def __init__(self, stage: str, *made_from: object):
        form = code_hash(module_source(__name__))
        self._folder = FOLDER / stage / digest(*made_from, torch.__version__, form)[:16]
        self._next = 0.0

    def due(self) -> bool:
        """Whether so much has been trained since `load` or `save` that a snapshot costs little."""
        return monotonic() >= self._next

    def save(
        self,
        epoch: int,
        members: Sequence[str],
        curves: Sequence[list],
        stack: Stack,
        optimizer: torch.optim.Optimizer,
        orders: Mapping[int, torch.Generator],
    ) -> None:
        """Keep an ensemble as it is after `epoch` epochs, in place of its last snapshot.

        members: what identifies the networks of the stack. curves: theirs, as plain values.
        orders: of the data, by seed. A snapshot that cannot be written (no space left) is no
        error: the training goes on.
        """
        start = monotonic()
        flat = {"parameters": stack.parameters} | optimizer.state[stack.parameters]
        tensors = {f"order.{seed}": order.get_state() for seed, order in orders.items()}
        for name, tensor in flat.items():
            if tensor is not None and tensor.dim():
                tensors |= {f"{name}.{i}": rows for i, rows in enumerate(stack.layers(tensor))}
            elif tensor is not None:  # the number of steps
                tensors[name] = tensor
        tensors = {name: tensor.cpu() for name, tensor in tensors.items()}
        rows = stack.rows.tolist()
        facts = {
            "epoch": epoch,
            "sha256": checksum(tensors),
            "members": {
                name: {"row": row, "curve": curve}
                for name, row, curve in zip(members, rows, curves, strict=True)
            },
        }
        try:
            with atomic(self._folder / f"{digest(*members)[:16]}.safetensors") as temporary:
                save_file(tensors, temporary, {"ossum": json.dumps(facts)})
            logging.info("snapshot after epoch %d", epoch)
        except (OSError, SafetensorError) as error:
            logging.warning("no snapshot after epoch %d: %s", epoch, error)
        self._start_waiting(monotonic() - start)

    def load(
        self,
        members: Sequence[str],
        stack: Stack,
        optimizer: torch.optim.Optimizer,
        orders: Mapping[int, torch.Generator],
    ) -> tuple[int, list[list]] | None:
        """(epoch, learning curves) of the last snapshot that has all members, if there is one.

        What `save` was given is set to what it was then. Damaged files are ignored.
        """
        self._start_waiting(3 * stack.parameters.nbytes / _BYTES_PER_SECOND)
        found = [_read(path, set(members)) for path in self._folder.glob("*.safetensors")]
        found = [snapshot for snapshot in found if snapshot]
        if not found:
            return None
        facts, tensors = max(found, key=lambda snapshot: snapshot[0]["epoch"])
        rows = torch.tensor([facts["members"][name]["row"] for name in members])
        state = optimizer.state[stack.parameters]
        for name, tensor in tensors.items():
            kind, _, number = name.partition(".")
            if kind == "order":
                if int(number) in orders:
                    orders[int(number)].set_state(tensor)
            elif not number:
                state[kind] = tensor.to(stack.parameters.device, copy=True)
            else:
                if kind != "parameters" and kind not in state:
                    state[kind] = torch.zeros_like(stack.parameters)
                flat = stack.parameters if kind == "parameters" else state[kind]
                stack.layers(flat)[int(number)][stack.rows] = tensor[rows].to(flat.device)
        logging.info("going on after epoch %d", facts["epoch"])
        return facts["epoch"], [facts["members"][name]["curve"] for name in members]

    def remove(self) -> None:
        """Delete all snapshots of the job: its results are written."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start_waiting(self, cost: float) -> None:
        self._next = monotonic() + max(_LEAST_SECONDS, _TIMES_ITS_COST * cost)


def _read(path: Path, members: set[str]) -> tuple[dict, dict[str, Tensor]] | None:
    """Facts and tensors of a snapshot; None if it is damaged, gone or does not have all members."""
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads(file.metadata()["ossum"])
            if members <= set(facts["members"]):
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                if facts["sha256"] != checksum(tensors):
                    raise ValueError("its content does not have the checksum that it carries")
                return facts, tensors
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        logging.warning("ignoring %s, which is damaged: %s", path, error)
    return None
