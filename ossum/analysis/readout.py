"""The readout: the best output layer for the hidden neurons that a network has.

It is not in the paper. The hidden weights stay as they are, and multinomial logistic regression
learns the output layer. For a whole network of one hidden layer this is the random-features model:
no choice of neurons under a random output layer can be expected to do better.
"""

import logging
import warnings

import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from ossum.config.options import ReadoutOptions
from ossum.datasets import Split
from ossum.networks.evaluation import Evaluation
from ossum.networks.forward import input_batches
from ossum.networks.network import Network


def readout(
    network: Network, train: Split, test: Split, options: ReadoutOptions
) -> tuple[Evaluation, Evaluation]:
    """Evaluations, on the training and the test set, of a readout of the last hidden layer.

    Activations are standardised by the training set. Their scales differ between depths,
    distributions and neurons; standardised, one penalty means the same for all of them, and L-BFGS
    needs fewer steps. A readout that has not converged is evaluated all the same, with a warning in
    the log.
    """
    features = _activations(network, train)
    deviation, mean = torch.std_mean(features, dim=0, correction=0)
    deviation[deviation == 0] = 1  # neurons with the same activation for all examples
    model = LogisticRegression(C=options.C, max_iter=options.max_iterations, solver="lbfgs")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(features.sub_(mean).div_(deviation).numpy(), train.labels.cpu().numpy())
    (iterations,) = model.n_iter_
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        logging.warning(
            "readout not converged after %d iterations: raise options.readout.max_iterations or "
            "lower options.readout.C",
            iterations,
        )
    on_train = _evaluate(model, features, train)
    del features
    on_test = _evaluate(model, _activations(network, test).sub_(mean).div_(deviation), test)
    logging.info(
        "readout of %d neurons: %d iterations, accuracy %.4f",
        len(mean),
        iterations,
        on_test.accuracy,
    )
    return on_train, on_test


def _activations(network: Network, split: Split) -> Tensor:
    """Activations of the last hidden layer, float32 [N, h_L], on the processor for scikit-learn."""
    network = network.to(split.device)
    result = torch.empty(len(split), network.hidden_widths[-1])
    for reduced, rows, inputs in input_batches(network, split, "activations"):
        result[rows] = reduced.hidden(inputs)
    return result


def _evaluate(model: LogisticRegression, features: Tensor, split: Split) -> Evaluation:
    weights, bias = torch.from_numpy(model.coef_), torch.from_numpy(model.intercept_)
    logits = F.linear(features, weights.float(), bias.float())
    labels = split.labels.cpu()
    correct = (logits.argmax(dim=1) == labels).sum()
    return Evaluation(int(correct), len(split), float(F.cross_entropy(logits.double(), labels)))
