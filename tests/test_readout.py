"""Readouts against another solver in double precision, and by what they must be."""

import logging
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers import float64, random_network, random_split
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ossum.evaluation import evaluate
from ossum.networks import Subnetwork
from ossum.options import ReadoutOptions
from ossum.readout import readout

OPTIONS = ReadoutOptions(C=0.5)


def splits(network, n=300):
    """Labels that depend on the hidden layer, so that there is something to learn."""
    teacher = random_network(network.hidden_widths[-1], 3, seed=7)
    for seed in (0, 1):
        split = random_split(n, seed=seed)
        hidden, _ = float64(network, split.inputs())
        noise = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed))
        logits = 4 * hidden.float() @ teacher.weights[0].T + noise
        yield replace(split, labels=logits.argmax(dim=1))


@pytest.mark.parametrize("hidden", [(12,), (10, 8)])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_readout_is_logistic_regression(hidden, activation):
    network = random_network(6, *hidden, 3, activation=activation)
    train, test = splits(network)
    features, test_features = (float64(network, s.inputs())[0].numpy() for s in (train, test))
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=0.5, solver="newton-cholesky", tol=1e-10)
    model.fit(scaler.transform(features), train.labels.numpy())
    for score, split, x in zip(
        readout(network, train, test, OPTIONS),
        (train, test),
        (features, test_features),
        strict=True,
    ):
        log_p = torch.from_numpy(model.predict_log_proba(scaler.transform(x)))
        assert score.loss == pytest.approx(F.nll_loss(log_p, split.labels).item(), rel=1e-3)
        expected = (log_p.argmax(dim=1) == split.labels).sum().item()
        assert abs(score.correct - expected) <= 1 and score.total == 300


def test_readout_is_a_ceiling():
    network = random_network(6, 12, 3)
    train, test = splits(network)
    everything = Subnetwork((torch.arange(12),))
    _, on_test = readout(network, train, test, OPTIONS)
    (before,) = evaluate(network, [everything], test)
    assert on_test.accuracy > before.accuracy + 0.2 and on_test.loss < before.loss


def test_neurons_that_are_always_silent_do_no_harm():
    network = random_network(6, 12, 3, activation="relu")
    train, test = splits(network)
    alive = readout(network, train, test, OPTIONS)
    silent = replace(
        network,
        weights=(
            torch.cat([network.weights[0], torch.zeros(2, 6)]),
            torch.cat([network.weights[1], torch.ones(3, 2)], dim=1),
        ),
    )
    for with_silent, without in zip(readout(silent, train, test, OPTIONS), alive, strict=True):
        assert with_silent.loss == pytest.approx(without.loss, rel=1e-3)


def test_what_has_not_converged_says_so(caplog):
    network = random_network(6, 12, 3)
    train, test = splits(network)
    with caplog.at_level(logging.WARNING):
        readout(network, train, test, OPTIONS)
        assert caplog.text == ""
        readout(network, train, test, ReadoutOptions(max_iterations=1))
    assert "not converged after 1 iterations: raise readout.max_iterations" in caplog.text
