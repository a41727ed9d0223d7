"""Readouts against another solver in double precision, and by what they must be."""

import logging
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers import float64, random_network, random_split
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ossum.analysis.readout import readout
from ossum.config.options import ReadoutOptions

OPTIONS = ReadoutOptions(C=0.5)


def splits(network, n=300):
    """Labels that depend on the hidden layer, so that there is something to learn."""
    teacher = random_network(network.hidden_widths[-1], 3, seed=7)
    for seed in (0, 1):
        split = random_split(n, seed=seed, blanks=True)
        hidden, _ = float64(network, split.inputs())
        noise = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed))
        logits = 4 * hidden.float() @ teacher.weights[0].T + noise
        yield replace(split, labels=logits.argmax(dim=1))


@pytest.mark.parametrize(("hidden", "activation"), [((12,), "tanh"), ((10, 8), "relu")])
def test_readout_is_logistic_regression(hidden, activation):
    network = random_network(6, *hidden, 3, activation=activation)
    train, test = splits(network)
    features = [float64(network, split.inputs())[0].numpy() for split in (train, test)]
    scaler = StandardScaler().fit(features[0])
    model = LogisticRegression(C=0.5, solver="newton-cholesky", tol=1e-10)
    model.fit(scaler.transform(features[0]), train.labels.numpy())
    found = readout(network, train, test, OPTIONS)
    for evaluation, split, x in zip(found, (train, test), features, strict=True):
        log_p = torch.from_numpy(model.predict_log_proba(scaler.transform(x)))
        assert evaluation.loss == pytest.approx(F.nll_loss(log_p, split.labels).item(), rel=1e-3)
        expected = (log_p.argmax(dim=1) == split.labels).sum().item()
        assert abs(evaluation.correct - expected) <= 1 and evaluation.total == 300


def test_neurons_that_are_always_silent_do_no_harm():
    network = random_network(6, 12, 3, activation="relu")
    train, test = splits(network)
    alive = readout(network, train, test, OPTIONS)
    weights = (
        torch.cat([network.weights[0], torch.zeros(2, 6)]),
        torch.cat([network.weights[1], torch.ones(3, 2)], dim=1),
    )
    silent = readout(replace(network, weights=weights), train, test, OPTIONS)
    for with_silent, without in zip(silent, alive, strict=True):
        assert with_silent.loss == pytest.approx(without.loss, rel=1e-3)


def test_what_has_not_converged_says_so(caplog):
    network = random_network(6, 12, 3)
    train, test = splits(network)
    with caplog.at_level(logging.WARNING):
        readout(network, train, test, OPTIONS)
        assert caplog.text == ""
        readout(network, train, test, ReadoutOptions(max_iterations=1))
    assert "not converged after 1 iterations: raise options.readout.max_iterations" in caplog.text
