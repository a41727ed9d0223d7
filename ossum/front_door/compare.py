"""Whether a model computes what its chain does, before and after pruning: by running both."""

import warnings

import torch
from torch import Tensor, nn

from ossum.front_door.chain import Chain
from ossum.front_door.examples import Reader, Source
from ossum.networks.network import Network, Subnetwork


class Comparison:
    """Runs models on the same few examples.

    place: "" to run models as a whole, the name of a submodule to run this, None for nothing.
    """

    def __init__(self, chain: Chain, network: Network, source: Source, place: str | None = ""):
        self._chain, self._network, self._source, self._place = chain, network, source, place
        self.sample = source.sample()
        self._features: Tensor | None = None  # what the first layer got of them before pruning

    @classmethod
    def made_up(cls, chain: Chain, network: Network, layers: str) -> "Comparison":
        """On random inputs: of the model, or of its submodule `layers`, if it takes them."""
        inputs = torch.randn(8, network.layer_sizes[0], generator=torch.Generator().manual_seed(0))
        source = Source((inputs, torch.zeros(8, dtype=torch.int64)), None)
        for place in ("", layers):
            found = cls(chain, network, source, place)
            try:
                found._run(chain.model)
            except ValueError:
                continue
            return found
        warnings.warn(
            "without data nobody knows what the model takes, so it was not run to compare it with "
            "what it becomes. Give data, or name the part of Linear layers, such as "
            "layers='classifier'",
            stacklevel=4,
        )
        return cls(chain, network, source, None)

    def check(self, model: nn.Module, subnetwork: Subnetwork) -> None:
        """ValueError if `model` is not the chain with the neurons of `subnetwork`."""
        if self._place is None:
            return
        names = ", ".join(self._chain.names)
        features, logits = self._run(model)
        before = self._features = features if self._features is None else self._features
        if not torch.allclose(features, before, rtol=1e-2, atol=1e-3):
            raise ValueError(
                f"what layer {self._chain.names[0]!r} gets has changed: the model uses the size or "
                "the weights of a pruned layer elsewhere, or draws random numbers, as F.dropout "
                "does in eval mode, too, without training=self.training. Give a model that does "
                "neither"
            )
        if subnetwork.weights:
            return
        expected = self._expected(features, subnetwork)
        tolerance = 1e-2 if logits.dtype.itemsize >= 4 else 1e-1
        error = (logits.float() - expected).abs().max()
        if not error <= tolerance * (1e-3 + expected.abs().max()):
            smaller = "" if subnetwork.widths == self._network.hidden_widths else "smaller "
            raise ValueError(
                f"the {smaller}model computes something else than its layers {names}, one after "
                f"the other: its outputs differ from theirs by {float(error):.3g}. Give a plain "
                "model, whose forward does not change these layers or use their sizes"
            )

    def _run(self, model: nn.Module) -> tuple[Tensor, Tensor]:
        place = self._place or ""
        names = [name.removeprefix(f"{place}.") for name in self._chain.names]
        reader = Reader(model.get_submodule(place), names[0], names[-1], self._source)
        return reader.both(self.sample)

    def _expected(self, features: Tensor, subnetwork: Subnetwork) -> Tensor:
        """Logits [n, K] of the whole chain in float32, its pruned neurons silent."""
        network, features = self._network.to(features.device), features.float()
        for layer, neurons in enumerate(subnetwork.kept):
            inputs = network.activate(layer, network.weighted_sums(layer, features))
            features = torch.zeros_like(inputs)
            neurons = neurons.to(inputs.device)
            features[..., neurons] = inputs[..., neurons]
        logits = network.weighted_sums(len(subnetwork.kept), features)
        return logits[..., -self._chain.linears[-1].out_features :]
