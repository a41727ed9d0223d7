"""What the scripts share: a job of the workflow, what it reads and what it writes."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import pyarrow as pa
import torch
from torch import Tensor

from ossum.config.grids import spell_sparsity
from ossum.datasets import Split, load
from ossum.networks.network import (
    Network,
    Subnetwork,
    draw_checked,
    from_tensors,
    subnetwork_from_tensors,
    subnetwork_to_tensors,
    to_tensors,
)
from ossum.networks.recipe import Drawn, Recipe
from ossum.storage import results, tensors
from ossum.training.checkpoint import Checkpoint
from ossum.workflow.device import describe, memory_mb, set_threads, set_up
from ossum.workflow.log import job_log
from ossum.workflow.provenance import provenance

# Of a subnetwork: its method and its sparsity.
Cut = tuple[str, float]


class Job:
    """One stage of one network of a grid, for all methods and sparsities of that grid.

    Wildcards name the network; `params` hold what the result depends on beside it.
    """

    def __init__(self, snakemake: Any, on_processor: bool = False):
        self._snakemake = snakemake
        self._on_processor = on_processor
        self._start = perf_counter()
        # By rule: the options of this job, and those of the jobs that made its inputs.
        own = snakemake.params.get("options")
        self._options = {snakemake.rule: own} if own else {}

    @classmethod
    @contextmanager
    def of(cls, snakemake: Any, *, on_processor: bool = False) -> Iterator["Job"]:
        """The job of a script, with its log and its threads for the time of the script.

        on_processor: it needs no GPU, whatever the configuration says."""
        with job_log(snakemake.log[0]):
            # If the log ends without "done" or "failed", the job was killed; mostly for its memory.
            planned = snakemake.threads, snakemake.resources.mem_mb
            logging.info("started, for %d thread(s) and %d MiB of memory", *planned)
            set_threads(snakemake.threads)
            yield cls(snakemake, on_processor)

    @cached_property
    def device(self) -> torch.device:
        """Where passes and trainings run."""
        if self._on_processor:
            return torch.device("cpu")
        return set_up(self._snakemake.config)

    @property
    def seed(self) -> int:
        return int(self._snakemake.wildcards.seed)

    @property
    def recipe(self) -> Recipe:
        """The recipe of the network that the wildcards name."""
        key = self._snakemake.wildcards
        return Recipe.of(key.dataset, key.architecture, key.activation, key.distribution, self.seed)

    def memory_mb(self) -> int:
        """What the job's arrays may take."""
        return memory_mb(self.device, self._snakemake.resources.mem_mb)

    def checkpoint(self) -> Checkpoint:
        """Where a training goes on from if it is interrupted: beside its weights."""
        params = self._snakemake.params
        path = Path(self._snakemake.output.weights).with_suffix(".checkpoint")
        made_from = (params.options, params.precision, params.code, str(self.device))
        return Checkpoint(path, *made_from)

    def data(self, split: Literal["train", "test"]) -> Split:
        """A split of the data set, on the device."""
        return load(self._snakemake.input.data, split).to(self.device)

    def network(self) -> Network:
        """The network that is trained or pruned: a trained one if the rule has it as an input,
        else drawn from its recipe."""
        trained = self._snakemake.input.get("trained")
        if trained:
            parts, _ = self._load(str(trained))
            return from_tensors(parts["whole"], self.recipe.activation)
        path = Path(self._snakemake.input.network)
        drawn = Drawn.read(path, self.recipe)
        try:
            return draw_checked(drawn)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def save_subnetworks(self, subnetworks: Mapping[Cut, Subnetwork]) -> None:
        """Write all subnetworks of the network into one file. A method's mask is the same at all
        sparsities and is stored once."""
        parts: dict[str, dict[str, Tensor]] = {}
        for (method, sparsity), subnetwork in subnetworks.items():
            for name, tensor in subnetwork_to_tensors(subnetwork).items():
                part = method if name.startswith("mask") else f"{method} {spell_sparsity(sparsity)}"
                parts.setdefault(part, {})[name] = tensor
        self._save(parts, self._snakemake.output[0], cuts=list(subnetworks))

    def subnetworks(self) -> dict[Cut, Subnetwork]:
        """What `save_subnetworks` wrote, in its order."""
        parts, facts = self._load(self._snakemake.input.subnetworks)
        return {
            (method, sparsity): subnetwork_from_tensors(
                parts[f"{method} {spell_sparsity(sparsity)}"] | parts.get(method, {})
            )
            for method, sparsity in facts["cuts"]
        }

    def save_networks(self, networks: Mapping[str, Network]) -> None:
        """Write trained networks: subnetworks by method, or the "whole" one. Methods may share a
        network, which is stored once: at sparsity 0 all of them keep everything."""
        stored_as: dict[int, str] = {}
        names = {m: stored_as.setdefault(id(network), m) for m, network in networks.items()}
        parts = {name: to_tensors(networks[name]) for name in stored_as.values()}
        self._save(parts, self._snakemake.output.weights, stored_as=names)

    def networks(self) -> dict[str, Network]:
        """What `save_networks` wrote."""
        parts, facts = self._load(self._snakemake.input.weights)
        own = {name: from_tensors(part, self.recipe.activation) for name, part in parts.items()}
        return {method: own[name] for method, name in facts["stored_as"].items()}

    def _save(self, parts: Mapping[str, Mapping[str, Tensor]], path: str, **facts: object) -> None:
        """Write named tensors in named parts, and of which network and with which options."""
        named = {
            f"{part}/{name}": t for part, inside in parts.items() for name, t in inside.items()
        }
        tensors.save(named, path, network=self._identity, options=self._options, **facts)

    def _load(self, path: str) -> tuple[dict[str, dict[str, Tensor]], dict]:
        """What `_save` wrote; ValueError if the file is of another network."""
        found, facts = tensors.load(path)
        if facts["network"] != self._identity:
            raise ValueError(f"{path} is of {facts['network']}: delete it and run again")
        self._options = facts["options"] | self._options
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in found.items():
            part, _, inside = name.partition("/")
            parts.setdefault(part, {})[inside] = tensor
        return parts, facts

    @property
    def _identity(self) -> dict[str, object]:
        recipe = asdict(self.recipe)
        return recipe | {"layer_sizes": list(self.recipe.layer_sizes)}

    def write(
        self,
        rows: Iterable[Mapping],
        schema: pa.Schema = results.EVALUATIONS,
        path: str | None = None,
    ) -> None:
        """Write rows, to which the key of the network is added, and where they come from.

        `seconds`, if a row has none, are its share of what the job has taken so far.
        """
        rows = list(rows)
        key, params = self._snakemake.wildcards, self._snakemake.params
        whole = {
            "grid": key.grid,
            "dataset": key.dataset,
            "architecture": key.architecture,
            "activation": key.activation,
            "distribution": key.distribution,
            "seed": self.seed,
            "stage": key.get("stage") or params.stage,
            **params.experiment,  # origin and options
            "seconds": (perf_counter() - self._start) / len(rows),
        }
        facts = provenance(params.code, torch.get_num_threads(), **describe(self.device))
        results.write(
            [whole | row for row in rows],
            path or self._snakemake.output[0],
            facts | {"options": json.dumps(self._options)},
            schema,
        )


def with_cuts(cuts: Iterable[Cut], rows: Sequence[Mapping]) -> list[dict]:
    """Rows of subnetworks, one each, with the columns that tell them apart."""
    return [
        {"method": method, "sparsity": sparsity} | row
        for (method, sparsity), row in zip(cuts, rows, strict=True)
    ]
