"""The fully connected layers of a model that can be pruned, as torch.fx sees them.

A chain is Linear, elementwise, Linear, ..., Linear, and ends in logits. Whatever comes before it is
the trunk, which is run but never looked into.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.nn.utils import parametrize

from ossum.networks.network import ACTIVATIONS, Network

# What modules know of each neuron: their size, and the tensors with an entry for every neuron.
_BATCH_NORM = ("num_features", ("weight", "bias", "running_mean", "running_var"))
STATES: dict[type[nn.Module], tuple[str, tuple[str, ...]]] = {
    nn.BatchNorm1d: _BATCH_NORM,
    nn.SyncBatchNorm: _BATCH_NORM,
    nn.PReLU: ("num_parameters", ("weight",)),
}
# The operations of a trace, by what they do: classes of modules, functions, names of methods.
_KNOWN: dict[object, str] = {module: name for name, (_, module) in ACTIVATIONS.items()}
_KNOWN |= {getattr(torch, name): name for name in ACTIVATIONS}
_KNOWN |= {getattr(F, name): name for name in ACTIVATIONS} | {name: name for name in ACTIVATIONS}
_NOTHING = {nn.Identity, nn.Dropout, nn.AlphaDropout, nn.FeatureAlphaDropout, nn.Dropout1d}
_SOFTMAX = {nn.Softmax, nn.LogSoftmax, torch.softmax, torch.log_softmax, F.softmax, F.log_softmax}
_SOFTMAX |= {"softmax", "log_softmax"}
# After a single logit.
_ONE = {nn.Sigmoid, torch.sigmoid, F.sigmoid, "sigmoid", nn.Flatten, torch.flatten, "flatten"}
_ONE |= {torch.squeeze, "squeeze", "view", "reshape"}


class Between:
    """What turns the weighted sums of a hidden layer into its activations, neuron by neuron.

    It is an activation as `Network` wants it. known: its key of ACTIVATIONS, if it has one.
    """

    def __init__(self, function: fx.GraphModule, width: int, known: str | None):
        self.known = known
        self._width = width
        self._whole = copy.deepcopy(function).float().eval().requires_grad_(False)
        self._parts: dict[tuple[int, int], fx.GraphModule] = {}

    def __call__(self, sums: Tensor, neurons: slice = slice(None)) -> Tensor:
        if self.known:
            return ACTIVATIONS[self.known][0](sums)
        start, stop, _ = neurons.indices(self._width)
        if (start, stop) not in self._parts:
            self._parts[start, stop] = self.of(torch.arange(start, stop))
        return self._parts[start, stop](sums)

    def of(self, neurons: Tensor) -> fx.GraphModule:
        """The same function for some of the neurons."""
        memo: dict[int, object] = {}
        modules = [m for m in self._whole.modules() if states(m, self._width)]
        for tensor in (t for m in modules for t in states(m, self._width)):
            part = tensor.index_select(0, neurons.to(tensor.device))
            memo[id(tensor)] = nn.Parameter(part, False) if is_parameter(tensor) else part
        return copy.deepcopy(self._whole, memo)

    @cached_property
    def is_neuronwise(self) -> bool:
        """Whether each activation depends on its own neuron and example only: by trying it."""
        generator = torch.Generator().manual_seed(0)
        device = next((t.device for t in self._whole.state_dict().values()), None)
        scales = torch.tensor([0.1, 0.5, 1, 2, 5, 20])[:, None]
        sums = (scales * torch.randn(6, self._width, generator=generator)).to(device)
        some = torch.arange(0, self._width, 2, device=device)
        try:
            whole = self(sums.clone())
            pairs = [
                (self.of(some)(sums[:, some]), whole[:, some]),
                (self(sums[2:4].clone()), whole[2:4]),
            ]
            return all(torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True) for a, b in pairs)
        except (RuntimeError, ValueError, IndexError, TypeError):
            return False


@dataclass(frozen=True)
class Chain:
    """Linear layers, first to last, by their names in the model.

    between: what comes after each of them but the last. unreached: why other Linear layers are not
    part of the chain, "" if there are none.
    """

    model: nn.Module
    names: tuple[str, ...]
    between: tuple[Between, ...]
    normalizers: tuple[tuple[str, ...], ...]  # per hidden layer, modules with states of its neurons
    unreached: str

    @property
    def linears(self) -> list[nn.Linear]:
        found = [self.model.get_submodule(name) for name in self.names]
        return [linear for linear in found if isinstance(linear, nn.Linear)]

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names of the layers that can lose neurons."""
        return self.names[:-1]

    def network(self) -> Network:
        """The chain in float32 on the processor. Where only some layers have a bias, others are 0.

        A single logit z becomes the two logits 0 and z, of which softmax makes the sigmoid of z.
        """
        weights = [linear.weight.detach().cpu().float() for linear in self.linears]
        biases: list[Tensor] = []
        if any(linear.bias is not None for linear in self.linears):
            biases = [
                w.new_zeros(len(w)) if linear.bias is None else linear.bias.detach().cpu().float()
                for linear, w in zip(self.linears, weights, strict=True)
            ]
        if len(weights[-1]) == 1:
            for tensors in (weights, biases):
                tensors[-1:] = [torch.cat([torch.zeros_like(t), t]) for t in tensors[-1:]]
        known = {between.known for between in self.between}
        (phi,) = known if len(known) == 1 else (None,)
        return Network(tuple(weights), phi or (*self.between, self.between[-1]), tuple(biases))


def find_chain(model: nn.Module, layers: str) -> Chain:
    """The chain at the end of `model`, or of the submodule called `layers`.

    ValueError that says what is in the way.
    """
    root = _root(model, layers)
    for name, tensor in root.named_parameters():
        if tensor.is_meta or nn.parameter.is_lazy(tensor):
            raise ValueError(
                f"parameter {name!r} has no values yet: run the model once if its layers are lazy, "
                "or load its weights if it is on the device meta"
            )
    if is_linear(root):
        raise ValueError("the model must have at least one hidden layer, it is one Linear layer")
    for name, module in root.named_modules():
        if any(isinstance(part, nn.Linear) for part in module.modules()):
            _check_plain(".".join(filter(None, [layers, name])), module)
    root = working_copy(root)
    try:
        graph = _Tracer().trace(root)
    except Exception as error:
        raise ValueError(
            f"torch.fx cannot trace {layers or type(model).__name__!r} ({error}): take what asks "
            "for values or shapes (if, assert, loops) out of its forward, or name the submodule "
            "that holds only the Linear layers, such as layers='classifier'"
        ) from error
    return _Finder(model, root, layers, graph).chain()


def duplicate(model: nn.Module, instead: dict[int, object]) -> nn.Module:
    """A copy of `model`. instead: what it gets in place of some tensors, by their id."""
    attributes = [value for module in model.modules() for value in vars(module).values()]
    # Of these deepcopy wants to know nothing: what forward stored while the model was trained.
    stored = [value for value in attributes if isinstance(value, Tensor) and not value.is_leaf]
    try:
        return copy.deepcopy(model, {id(t): t.detach().clone() for t in stored} | instead)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"the model cannot be copied (copy.deepcopy): {error}") from error


def working_copy(model: nn.Module) -> nn.Module:
    """A copy in eval mode, with the same parameters. It is traced and run in place of the model of
    a user, which so keeps its attributes, buffers and modes whatever its forward does."""
    return duplicate(model, {id(parameter): parameter for parameter in model.parameters()}).eval()


def states(module: nn.Module, width: int) -> list[Tensor]:
    """The tensors in which `module` keeps something about each of `width` neurons."""
    found = [getattr(module, name) for name in _spec(module)[1]]
    return [tensor for tensor in found if tensor is not None and len(tensor) == width]


def size_of(module: nn.Module) -> str:
    """The attribute in which such a module keeps its number of neurons."""
    return _spec(module)[0]


def is_parameter(tensor: Tensor) -> bool:
    return isinstance(tensor, nn.Parameter)


def is_finite(tensor: Tensor) -> bool:
    """Whether no number is NaN or inf, without memory for an answer about each."""
    return all(map(torch.isfinite, torch.aminmax(tensor.detach()))) if tensor.numel() else True


def is_linear(module: nn.Module) -> bool:
    """Linear, or a subclass of it that computes the same."""
    return isinstance(module, nn.Linear) and type(module).forward is nn.Linear.forward


def _spec(module: nn.Module) -> tuple[str, tuple[str, ...]]:
    for kind, spec in STATES.items():
        if isinstance(module, kind) and type(module).forward is kind.forward:
            return spec
    return "", ()


def _root(model: nn.Module, layers: str) -> nn.Module:
    for attribute, kind in [("module", "DataParallel"), ("_orig_mod", "OptimizedModule")]:
        if kind in type(model).__name__ and hasattr(model, attribute):
            raise ValueError(
                f"{type(model).__name__} wraps the model: give model.{attribute}, and wrap the "
                "result again"
            )
    if not isinstance(layers, str):
        raise ValueError(f"layers must be the name of a submodule, got {layers!r}")
    try:
        return model.get_submodule(layers)
    except AttributeError:
        names = [name for name, _ in model.named_children()]
        raise ValueError(
            f"the model has no submodule {layers!r}; at the top it has {names}"
        ) from None


def _check_plain(name: str, module: nn.Module) -> None:
    """Hooks and parametrizations change what a layer computes, and pruning would not know."""
    name = repr(name) if name else "the model"
    if parametrize.is_parametrized(module):
        raise ValueError(
            f"{name} is parametrized: torch.nn.utils.parametrize.remove_parametrizations makes its "
            "tensors plain again"
        )
    if "forward" in vars(module):
        raise ValueError(
            f"{name} has a forward of its own, which pruning cannot cut: delete it (del "
            "module.forward), or define it in a class"
        )
    if module._forward_hooks or module._forward_pre_hooks:
        raise ValueError(
            f"{name} has forward hooks, which may change what it computes. Remove them; for "
            "weight_norm, spectral_norm and prune call remove_weight_norm, remove_spectral_norm or "
            "prune.remove of torch.nn.utils"
        )


def _check_numbers(name: str, module: nn.Module) -> None:
    for key, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if not tensor.is_floating_point() or tensor.layout is not torch.strided:
            if key != "num_batches_tracked":
                raise ValueError(
                    f"{name}.{key} must be dense and floating-point, got {tensor.dtype} "
                    f"{tensor.layout}"
                )
        elif not is_finite(tensor):
            raise ValueError(f"{name}.{key} must be finite, and not NaN or inf")


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        known = is_linear(m) or bool(_spec(m)[0])
        return known or super().is_leaf_module(m, module_qualified_name)


class _Finder:
    """Walks through a trace, from the output back."""

    def __init__(self, model: nn.Module, root: nn.Module, layers: str, graph: fx.Graph):
        self._model, self._root, self._graph = model, root, graph
        self._prefix = f"{layers}." if layers else ""

    def chain(self) -> Chain:
        last = self._last()
        chain, between, normalizers, reason = [last], [], [], ""
        while True:
            nodes, linears, trunk = self._behind(chain[0].args[0])
            if not linears:
                break
            reason = self._obstacle(chain[0], nodes, linears, trunk)
            if reason:
                break
            source, width = linears[0], self._module(linears[0]).out_features
            for node in nodes:
                if node.op == "call_module":
                    _check_plain(self._name(node), self._module(node))
            step = Between(self._function(nodes, source), width, self._known(nodes))
            if not step.is_neuronwise:
                reason = self._mixes(chain[0], nodes, source)
                break
            modules = [n for n in nodes if n.op == "call_module" and states(self._module(n), width)]
            chain.insert(0, source)
            between.insert(0, step)
            normalizers.insert(0, tuple(self._name(n) for n in modules))
        names = tuple(self._name(node) for node in chain)
        if not between:
            raise ValueError(
                reason
                or "the model must have at least one hidden layer: Linear, activation, ..., "
                f"Linear; it has only the Linear layer {names[0]!r}{self._convolutions()}"
            )
        for name in (*names, *(name for group in normalizers for name in group)):
            _check_numbers(name, self._model.get_submodule(name))
        self._check_used_once([*names, *(name for group in normalizers for name in group)])
        return Chain(
            self._model,
            names,
            tuple(between),
            tuple(normalizers),
            self._unreached(names, reason),
        )

    def _last(self) -> fx.Node:
        (output,) = (node for node in self._graph.nodes if node.op == "output")
        node = output.args[0]
        if not isinstance(node, fx.Node):
            raise ValueError(
                "the model must give one tensor of logits, it gives several in a "
                f"{'dict' if isinstance(node, dict) else 'tuple'}: name the submodule that gives "
                "the logits, such as layers='classifier'"
            )
        after: list[fx.Node] = []
        while not self._is_linear(node):
            after.append(node)
            inputs = [n for n in node.all_input_nodes if n.op != "get_attr"]
            if not inputs:
                break
            node = inputs[0]
        allowed = _SOFTMAX | _NOTHING | {F.dropout}
        if self._is_linear(node) and self._module(node).out_features == 1:
            allowed |= _ONE
        others = [n for n in after if self._operation(n) not in allowed]
        if others or not self._is_linear(node):
            what = self._list(others[:1]) if others and others[0].op != "placeholder" else "nothing"
            raise ValueError(
                "the model must be Linear, activation, ..., Linear, ending in logits, which only "
                f"Softmax or LogSoftmax may follow; it ends in {what}{self._convolutions()}"
            )
        return node

    def _convolutions(self) -> str:
        if not any(isinstance(module, nn.Conv1d | nn.Conv2d) for module in self._root.modules()):
            return ""
        return (
            ". For convolution channels OSSuM has no score, because they feed no logits: "
            "Torch-Pruning prunes them"
        )

    def _behind(self, node: fx.Node) -> tuple[list[fx.Node], list[fx.Node], bool]:
        """What `node` is computed from: the nodes up to the nearest Linear layers, in order; these
        layers; and whether anything comes past them from the inputs."""
        found, linears, trunk, todo = {}, {}, False, [node]
        while todo:
            node = todo.pop()
            if node in found or node in linears:
                continue
            if self._is_linear(node):
                linears[node] = True
            elif node.op == "placeholder":
                trunk = True
            else:
                found[node] = True
                todo += node.all_input_nodes
        return [n for n in self._graph.nodes if n in found], list(linears), trunk

    def _obstacle(
        self, layer: fx.Node, nodes: list[fx.Node], linears: list[fx.Node], trunk: bool
    ) -> str:
        if len(linears) > 1 or trunk:
            others = ", ".join(repr(self._name(node)) for node in linears)
            return (
                f"layer {self._name(layer)!r} gets more than the neurons of one Linear layer "
                f"({others}{' and what comes from further below' if trunk else ''}): a "
                "skip connection, or layers side by side"
            )
        inside = {layer, *nodes}
        if any(user not in inside for node in (*nodes, linears[0]) for user in node.users):
            return (
                f"the neurons of layer {self._name(linears[0])!r} are used elsewhere than in "
                f"layer {self._name(layer)!r}, too"
            )
        return ""

    def _mixes(self, layer: fx.Node, nodes: list[fx.Node], source: fx.Node) -> str:
        norms, hint = {nn.LayerNorm, nn.RMSNorm, nn.GroupNorm}, ""
        operations = {self._operation(node) for node in nodes}
        if norms & operations:
            hint = ": it normalizes over all neurons of the layer, so without some it is another"
        elif F.dropout in operations:
            hint = ": F.dropout drops neurons in eval mode, too, without training=self.training"
        return (
            f"{self._list(nodes)} between {self._name(source)!r} and {self._name(layer)!r} does "
            f"not act on each neuron and example by itself{hint}"
        )

    def _check_used_once(self, names: Sequence[str]) -> None:
        """Cutting a tensor that is used elsewhere would break it there."""
        users: dict[int, set[str]] = {}
        for name, module in self._model.named_modules(remove_duplicate=False):
            for tensor in [*module._parameters.values(), *module._buffers.values()]:
                if tensor is not None:
                    users.setdefault(id(tensor), set()).add(name)
        called = [self._name(node) for node in self._graph.nodes if node.op == "call_module"]
        for name in names:
            module = self._model.get_submodule(name)
            shared = [users[id(t)] for t in module.parameters() if len(users[id(t)]) > 1]
            if shared or called.count(name) > 1:
                raise ValueError(
                    f"layer {name!r} is used more than once, or shares its weights"
                    f"{' among ' + str(sorted(shared[0])) if shared else ''}: give each layer its "
                    "own"
                )

    def _unreached(self, names: Sequence[str], reason: str) -> str:
        others = [
            self._prefix + name
            for name, module in self._root.named_modules()
            if isinstance(module, nn.Linear) and self._prefix + name not in names
        ]
        if not others:
            return ""
        return f"{', '.join(others)} cannot be pruned" + (f": {reason}" if reason else "")

    def _function(self, nodes: Sequence[fx.Node], source: fx.Node) -> fx.GraphModule:
        graph = fx.Graph()
        copies = {source: graph.placeholder("sums")}
        for node in nodes:
            copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output(copies[nodes[-1]] if nodes else copies[source])
        return fx.GraphModule(self._root, graph)

    def _known(self, nodes: Sequence[fx.Node]) -> str | None:
        active = [op for op in map(self._operation, nodes) if op not in (*_NOTHING, F.dropout)]
        return _KNOWN.get(active[0]) if len(active) == 1 else None

    def _operation(self, node: fx.Node) -> object:
        return type(self._module(node)) if node.op == "call_module" else node.target

    def _is_linear(self, node: fx.Node) -> bool:
        return node.op == "call_module" and is_linear(self._module(node))

    def _module(self, node: fx.Node) -> nn.Module:
        return self._root.get_submodule(str(node.target))

    def _name(self, node: fx.Node) -> str:
        return f"{self._prefix}{node.target}"

    def _list(self, nodes: Sequence[fx.Node]) -> str:
        def text(node: fx.Node) -> str:
            if node.op == "call_module":
                return f"{type(self._module(node)).__name__} {self._name(node)!r}"
            return getattr(node.target, "__name__", str(node.target))

        return ", ".join(map(text, nodes))
