"""Training examples in every form that people have them, as the first layer of a chain sees them.

Pruning methods use both classes here as they use a `Split`.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import nan
from numbers import Number
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset

from ossum.front_door.chain import is_finite, working_copy

# What a model is called with (a tensor, a tuple of arguments, or a dict of them), and labels [N].
Batch = tuple[Any, Tensor]
Data = tuple[Any, Any] | Dataset | DataLoader | Iterable
Unpack = Callable[[Any], tuple[Any, Any]]

# Examples at a time where the data come without batches: a trunk may need much memory.
_TRUNK_ROWS = 128
# Examples on which models are compared before and after.
_SAMPLE = 8


@dataclass
class InMemory:
    """Features float32 [N, m] and labels int64 [N]. rows_read: how many were asked for."""

    blanks_last: ClassVar[None] = None
    fills_bytes: ClassVar[bool] = False  # features are no pixels
    inputs: Tensor
    labels: Tensor
    n_classes: int
    rows_read: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def device(self) -> torch.device:
        return self.inputs.device

    def batch(self, rows: slice | Tensor) -> Tensor:
        found = self.inputs[rows]
        self.rows_read += len(found)
        return found


@dataclass
class Streamed:
    """The same, computed from the data batch by batch, again in each pass.

    Passes read rows in order from 0 on, and ask for the labels of rows that they have read. A
    method that asks for anything else gets everything from memory from then on.
    """

    blanks_last: ClassVar[None] = None
    fills_bytes: ClassVar[bool] = False  # features are no pixels
    read: Callable[[], Iterator[tuple[Tensor, Tensor]]]
    total: int
    device: torch.device
    n_classes: int
    rows_read: int = 0
    _memory: InMemory | None = None
    _source: Iterator[tuple[Tensor, Tensor]] = field(default_factory=lambda: iter(()))
    _waiting: list[Tensor] = field(default_factory=list)
    _next: int = 0

    def __post_init__(self) -> None:
        self._labels = torch.full((self.total,), -1, device=self.device)

    def __len__(self) -> int:
        return self.total

    @property
    def labels(self) -> Tensor:
        if not self._next:
            self._hold()
        return self._labels

    def batch(self, rows: slice | Tensor) -> Tensor:
        if self._memory is None and not (isinstance(rows, slice) and rows.start in (0, self._next)):
            self._hold()
        if self._memory is not None or not isinstance(rows, slice):
            return self._memory.batch(rows)
        if rows.start == 0:
            self._source, self._waiting, self._next = self.read(), [], 0
        return self._take(rows.stop - rows.start)

    def _take(self, count: int) -> Tensor:
        """The next features of this pass."""
        have = sum(map(len, self._waiting))
        start = self._next + have
        while have < count:
            inputs, labels = next(self._source, (None, None))
            if inputs is None or labels is None or start + len(inputs) > self.total:
                raise self._other_total("more" if inputs is not None else start)
            self._labels[start : start + len(labels)] = labels
            self._waiting.append(inputs)
            have, start = have + len(inputs), start + len(inputs)
        inputs = self._waiting[0] if len(self._waiting) == 1 else torch.cat(self._waiting)
        self._waiting = [inputs[count:]] if have > count else []
        self._next += count
        self.rows_read += count
        if self._next == self.total and (self._waiting or next(self._source, None)):
            raise self._other_total("more")
        return inputs[:count]

    def _other_total(self, came: int | str) -> ValueError:
        return ValueError(
            f"the data must give as many examples in each pass as they announce: {self.total} were "
            f"expected, {came} came"
        )

    def _hold(self) -> None:
        self._memory = in_memory(self.read(), self.n_classes, self.total)
        self._labels, self._next = self._memory.labels, self.total
        self.rows_read += self.total


Examples = InMemory | Streamed


def in_memory(
    batches: Iterator[tuple[Tensor, Tensor]], n_classes: int, total: int | None = None
) -> InMemory:
    """All batches. If their total is known, memory never holds more than them and one batch."""
    inputs: Tensor | None = None
    labels, parts, start = [], [], 0
    for features, some in batches:
        labels.append(some)
        if total is None:
            parts.append(features)
        else:
            inputs = features.new_empty(total, features.shape[1]) if inputs is None else inputs
            if start + len(some) <= total:
                inputs[start : start + len(some)] = features
        start += len(some)
    if total is not None and start != total:
        raise ValueError(f"the data announced {total} examples and gave {start}")
    whole = torch.cat(parts) if inputs is None else inputs
    return InMemory(whole, torch.cat(labels), n_classes, start)


class Source:
    """What people give as data, as batches that can be read again and again."""

    def __init__(self, data: Data, unpack: Unpack | None):
        self._unpack = unpack
        self.pair: tuple[Any, Any] | None = None
        self.total: int | None = None
        if unpack is not None and not callable(unpack):
            raise ValueError(f"unpack must be a function of a batch, got {unpack!r}")
        tensors = isinstance(data, tuple | list) and len(data) > 0 and _is_array(data[0])
        if tensors and isinstance(data, tuple) and unpack is not None:
            raise ValueError("unpack is for batches, and data are two tensors: leave it out")
        if tensors and unpack is None:
            if len(data) != 2 or not _is_array(data[1]):
                raise ValueError(
                    f"data must be two tensors or arrays (inputs, labels), got {_kind(data)}"
                )
            inputs, labels = map(_tensor, data)
            if not inputs.ndim or not labels.ndim:
                raise ValueError("inputs [N, ...] and labels [N] must have a dimension of examples")
            self.pair, self.total = (_dense(inputs), labels), len(labels)
            return
        if isinstance(data, Dataset):
            data = DataLoader(data, _TRUNK_ROWS)
        if isinstance(data, Tensor | np.ndarray | str | bytes | Mapping) or not isinstance(
            data, Iterable
        ):
            raise ValueError(
                "data must be two tensors (inputs, labels), or a Dataset or DataLoader of such "
                f"pairs, got {type(data).__name__}"
            )
        if isinstance(data, Iterator):
            raise ValueError(
                "data must be readable more than once, not an iterator: give the Dataset or "
                "DataLoader itself, or a list of batches"
            )
        self._batches = data
        self.total = _total(data) if isinstance(data, DataLoader) else None

    def batches(self) -> Iterator[Batch]:
        """(what the model is called with, labels), unchecked."""
        if self.pair is not None:
            inputs, labels = self.pair
            for start in range(0, len(labels), _TRUNK_ROWS):
                rows = slice(start, start + _TRUNK_ROWS)
                yield inputs[rows], labels[rows]
            return
        for batch in self._batches:
            if self._unpack is not None:
                batch = self._unpack(batch)
            pair = isinstance(batch, tuple | list) and len(batch) == 2
            if pair and (isinstance(batch[1], Number) or getattr(batch[1], "ndim", 1) == 0):
                raise ValueError(
                    "the data must yield batches, and these are single examples: "
                    "DataLoader(data, batch_size=64) makes batches of them"
                )
            if not pair or not _is_array(batch[1]):
                raise ValueError(
                    f"the data must yield pairs of tensors (inputs, labels), a batch is "
                    f"{_kind(batch)}: say how to read it, such as unpack=lambda batch: "
                    "(batch['inputs'], batch['labels'])"
                )
            yield batch[0], _tensor(batch[1])

    def sample(self) -> Any:
        """The inputs of the first few examples."""
        inputs, labels = next(self.batches(), (None, None))
        if labels is None or not labels.numel():
            raise ValueError("the data must hold at least one example")
        return _map(lambda t: t[:_SAMPLE] if t.ndim else t, inputs)


class Reader:
    """Runs data through a model, and sees what its first and last Linear layer get and give."""

    def __init__(self, model: nn.Module, first: str, last: str, source: Source):
        self._model, self._source = working_copy(model), source
        self._name, self._first, self._last = first, self._model.get_submodule(first), last
        self._n_outputs = int(self._model.get_submodule(last).out_features)
        self._n_classes = max(2, self._n_outputs)  # a single logit tells two classes apart
        self.device = self._first.weight.device
        self._dtype = next(
            (p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32
        )

    def examples(self) -> Examples:
        """All examples, in memory only if they are there already or nobody knows how many."""
        n_classes, total = self._n_classes, self._source.total
        if self._source.pair is not None:
            inputs, labels = self._source.pair
            labels = self._labels(labels, len(inputs))
            if self._untouched(inputs[:2]):
                features = inputs.to(self.device).flatten(1)
                self._check(features, len(labels))
                return InMemory(features.detach().float(), labels, n_classes)
        if total is None:
            return in_memory(self.read(), n_classes)
        return Streamed(self.read, total, self.device, n_classes)

    def read(self) -> Iterator[tuple[Tensor, Tensor]]:
        """(features float32 [n, m], labels int64 [n]), checked."""
        seen = False
        for inputs, labels in self._source.batches():
            features = self.features(inputs)
            labels = self._labels(labels, len(features))
            self._check(features, len(labels))
            seen = True
            yield features.float(), labels
        if not seen:
            raise ValueError("the data must hold at least one example")

    def features(self, inputs: Any, copy: bool = True) -> Tensor:
        """What the first Linear layer gets. What comes after it does not run."""

        def stop(_: nn.Module, seen: tuple[Tensor, ...]) -> None:
            raise _Reached(seen[0])

        try:
            with _hook(self._first.register_forward_pre_hook(stop)):
                self._run(inputs, copy=copy)
        except _Reached as reached:
            return reached.features
        raise ValueError(f"the model does not call its layer {self._name!r}")

    def both(self, inputs: Any) -> tuple[Tensor, Tensor]:
        """What the first Linear layer gets, and the logits that the last one gives."""
        features: list[Tensor] = []
        logits: list[Tensor] = []
        last = self._model.get_submodule(self._last)
        # An activation may work in place, so what is seen is copied.
        see = self._first.register_forward_pre_hook(lambda _, seen: features.append(seen[0] + 0))
        with _hook(see), _hook(last.register_forward_hook(lambda *a: logits.append(a[2] + 0))):
            self._run(inputs)
        if (len(features), len(logits)) != (1, 1):
            raise ValueError(
                f"the model calls its layer {self._name!r} {len(features)} times and "
                f"{self._last!r} {len(logits)} times for one batch, each must be called once"
            )
        self._check_finite(features[0])
        return features[0], logits[0]

    def above_logits(self, inputs: Any) -> str:
        """A module with weights that gets something of what the last Linear layer gives, or ""."""
        model = working_copy(self._model)  # it keeps these hooks
        last = model.get_submodule(self._last)
        reached, found = [], []

        def replace(*seen: Any) -> Tensor:
            reached.append(True)
            return torch.full_like(seen[2], nan)

        def look(module: nn.Module, seen: tuple[Any, ...]) -> None:
            if reached and any(isinstance(each, Tensor) and each.isnan().any() for each in seen):
                found.append(module)

        last.register_forward_hook(replace)
        for module in model.modules():
            if next(module.parameters(recurse=False), None) is not None:
                module.register_forward_pre_hook(look)
        with contextlib.suppress(ValueError):  # a model need not take NaN
            self._run(inputs, model)
        return next((name for name, module in model.named_modules() if module in found), "")

    def accuracy(self) -> float:
        """The share of examples whose largest logit is that of their label."""
        correct = total = 0
        for inputs, labels in self._source.batches():
            _, logits = self.both(inputs)
            labels = self._labels(labels, len(logits))
            found = logits.argmax(dim=1) if self._n_outputs > 1 else logits[:, 0] > 0
            correct, total = correct + int((found == labels).sum()), total + len(labels)
        if not total:
            raise ValueError("the data must hold at least one example")
        return correct / total

    def _run(self, inputs: Any, model: nn.Module | None = None, copy: bool = True) -> None:
        """Copies of inputs go to the device of the model, and to its type if they are
        floating-point: a forward may change its input in place."""

        def moved(tensor: Tensor) -> Tensor:
            dtype = self._dtype if tensor.is_floating_point() else None
            return _dense(tensor).to(self.device, dtype, copy=copy)

        run(model or self._model, _map(moved, inputs))

    def _untouched(self, inputs: Tensor) -> bool:
        """Whether nothing but a Flatten comes before the first Linear layer."""
        inputs = inputs.to(self.device, self._dtype, copy=True)
        before = inputs.clone()
        features = self.features(inputs, copy=False)
        same = features.untyped_storage().data_ptr() == inputs.untyped_storage().data_ptr()
        same &= torch.equal(inputs, before)  # or it was changed in place
        return same and features.numel() == inputs.numel() and features.ndim == 2

    def _check(self, features: Tensor, n: int) -> None:
        wanted = int(self._first.in_features)
        if features.shape != (n, wanted) or not features.is_floating_point():
            raise ValueError(
                f"inputs must be floating-point [N, {wanted}] at layer {self._name!r}, "
                f"got {_kind(features)}{_remedy(features)}"
            )
        self._check_finite(features)

    def _check_finite(self, features: Tensor) -> None:
        if not is_finite(features):
            raise ValueError(
                f"inputs must be finite, and not NaN or inf, but what layer {self._name!r} gets is "
                "not"
            )

    def _labels(self, labels: Tensor, n: int) -> Tensor:
        """As int64 [N], on the device of the model."""
        n_classes = self._n_classes
        if self._n_outputs == 1:
            labels = labels.flatten() if labels.shape == (n, 1) else labels
            if labels.is_floating_point() and ((labels == 0) | (labels == 1)).all():
                labels = labels.long()
        if labels.shape == (n, self._n_outputs):
            raise ValueError(
                f"labels must be integers [N], got {list(labels.shape)}: of one-hot labels take "
                "labels.argmax(dim=1)"
            )
        if labels.shape != (n,) or labels.is_floating_point() or labels.is_complex() or not n:
            raise ValueError(
                f"labels must be integers [N], one for each of the {n} inputs and at least one, "
                f"got {labels.dtype} {list(labels.shape)}"
            )
        labels = labels.to(self.device).long()
        if not 0 <= int(labels.min()) <= int(labels.max()) < n_classes:
            raise ValueError(
                f"labels must lie in 0..{n_classes - 1}, the outputs of the model, "
                f"got {int(labels.min())}..{int(labels.max())}"
            )
        return labels


class _Reached(Exception):  # noqa: N818 (it is no error)
    def __init__(self, features: Tensor):
        super().__init__()
        self.features = features


# The defaults of torch that people have set, which their model may need.
_theirs: ContextVar[tuple[torch.dtype, torch.device]] = ContextVar("their defaults")


@contextlib.contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Everything by torch's own defaults.

    Neither the default type or device nor autocast changes a result. At the end all of these are
    again as they were, and so are torch's random generators, from which a DataLoader draws.
    """
    devices = {tensor.device for tensor in model.parameters()}
    types = {"cpu", *(device.type for device in devices)} - {"meta"}
    token = _theirs.set((torch.get_default_dtype(), torch.get_default_device()))
    with contextlib.ExitStack() as stack:
        gpus = [device for device in devices if device.type == "cuda"]
        stack.enter_context(torch.random.fork_rng(gpus))
        stack.callback(torch.set_default_dtype, torch.get_default_dtype())
        stack.callback(_theirs.reset, token)
        for kind in types:
            stack.enter_context(torch.autocast(kind, enabled=False))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())  # some methods learn
        stack.enter_context(torch.device("cpu"))
        torch.set_default_dtype(torch.float32)
        yield


def run(model: nn.Module, arguments: Any) -> Any:
    """model(...), with a tensor, a tuple of arguments or a dict of them."""
    dtype, device = _theirs.get()
    torch.set_default_dtype(dtype)
    try:
        with device, torch.no_grad():
            if isinstance(arguments, Mapping):
                return model(**arguments)
            if isinstance(arguments, tuple):
                return model(*arguments)
            return model(arguments)
    except _Reached:
        raise
    except Exception as error:
        raise ValueError(
            f"the model cannot take these inputs ({_kind(arguments)}): {error}{_remedy(arguments)}"
        ) from error
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def _hook(handle: Any) -> Iterator[None]:
    try:
        yield
    finally:
        handle.remove()


def _tensor(array: Any) -> Tensor:
    try:
        return torch.as_tensor(array)
    except TypeError as error:
        kind = getattr(array, "dtype", type(array).__name__)
        raise ValueError(
            f"inputs and labels must be numbers, got {kind}: number the classes from 0 on"
        ) from error


def _map(function: Callable[[Tensor], Tensor], inputs: Any) -> Any:
    if isinstance(inputs, Tensor | np.ndarray):
        return function(torch.as_tensor(inputs))
    if isinstance(inputs, Mapping):
        return {key: _map(function, value) for key, value in inputs.items()}
    if isinstance(inputs, tuple | list):
        return tuple(_map(function, value) for value in inputs)
    return inputs


def _dense(tensor: Tensor) -> Tensor:
    if tensor.layout is not torch.strided:
        raise ValueError(f"inputs must be dense, got {tensor.layout}: give inputs.to_dense()")
    if tensor.is_complex():
        raise ValueError(f"inputs must be real, got {tensor.dtype}")
    return tensor


def _is_array(part: object) -> bool:
    return isinstance(part, Tensor | np.ndarray)


def _remedy(inputs: object) -> str:
    if isinstance(inputs, Tensor) and not inputs.is_floating_point():
        return ". Give inputs.float(), scaled as the model wants them"
    return ""


def _kind(thing: object) -> str:
    if isinstance(thing, Tensor | np.ndarray):
        return f"{thing.dtype} {list(thing.shape)}"
    if isinstance(thing, tuple | list):
        parts = ", ".join(map(_kind, thing)) if len(thing) < 5 else len(thing)
        return f"a {type(thing).__name__} of {parts}"
    keys = f" with the keys {list(thing)}" if isinstance(thing, Mapping) else ""
    return f"a {type(thing).__name__}{keys}"


def _total(loader: DataLoader) -> int | None:
    """How many examples it gives in a pass; None if that cannot be known beforehand."""
    if isinstance(loader.dataset, IterableDataset) or type(loader.batch_sampler) is not (
        BatchSampler
    ):
        return None
    with contextlib.suppress(TypeError):
        n = len(loader.sampler)  # type: ignore[arg-type]
        return n // loader.batch_size * loader.batch_size if loader.drop_last else n
    return None
