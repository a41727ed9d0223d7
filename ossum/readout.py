"""The readout: the best output layer for the hidden neurons that a network has.

Not in the paper. Hidden weights stay as they are and multinomial logistic regression learns what is
above them. For a whole network of one hidden layer this is the random-features model: no choice of
neurons under a random output layer can be expected to do better.
"""

import logging
import warnings

import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from ossum.datasets import Split
from ossum.evaluation import Score
from ossum.forward import input_batches
from ossum.networks import Network
from ossum.options import ReadoutOptions


def readout(
    network: Network, train: Split, test: Split, options: ReadoutOptions
) -> tuple[Score, Score]:
    """Scores on the training and the test set of a readout of the last hidden layer.

    Activations are standardised, by the training set: their scales differ between depths,
    distributions and neurons, and so one penalty means the same for all, and L-BFGS needs fewer
    steps. A readout that has not converged is one all the same; the log says so.
    """
    features = _activations(network, train)
    deviation, mean = torch.std_mean(features, dim=0, correction=0)
    deviation[deviation == 0] = 1  # a neuron that says the same for all examples
    model = LogisticRegression(C=options.C, max_iter=options.max_iterations, solver="lbfgs")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(features.sub_(mean).div_(deviation).numpy(), train.labels.cpu().numpy())
    (iterations,) = model.n_iter_
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        logging.warning(
            "readout not converged after %d iterations: raise readout.max_iterations or lower "
            "readout.C",
            iterations,
        )
    on_train = _score(model, features, train)
    del features
    on_test = _score(model, _activations(network, test).sub_(mean).div_(deviation), test)
    logging.info(
        "readout of %d neurons: %d iterations, accuracy %.4f",
        len(mean),
        iterations,
        on_test.accuracy,
    )
    return on_train, on_test


def _activations(network: Network, split: Split) -> Tensor:
    """Those of the last hidden layer, float32 [N, h_L], on the processor, where scikit-learn is."""
    network = network.to(split.device)
    result = torch.empty(len(split), network.hidden_widths[-1])
    for rows, inputs in input_batches(split, "activations"):
        result[rows] = network.hidden(inputs)
    return result


def _score(model: LogisticRegression, features: Tensor, split: Split) -> Score:
    weights, bias = torch.from_numpy(model.coef_), torch.from_numpy(model.intercept_)
    logits = F.linear(features, weights.float(), bias.float())
    labels = split.labels.cpu()
    correct = (logits.argmax(dim=1) == labels).sum()
    return Score(int(correct), len(split), float(F.cross_entropy(logits.double(), labels)))
