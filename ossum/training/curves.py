"""Learning curves as rows of the result tables."""

from ossum.architectures import Architecture
from ossum.evaluation import accounting
from ossum.training.ensemble import Trained


def curve_rows(architecture: str, trained: Trained) -> list[dict[str, object]]:
    """The size, score and training columns of a trained network, one dict an epoch from 0.

    architecture: of the full network that `trained` is a part of. Where training diverged, the last
    row says so and has no score.
    """
    input_size, *widths, n_classes = trained.network.layer_sizes
    full = (input_size, *Architecture.parse(architecture).hidden, n_classes)
    sizes = accounting(full, (input_size, *widths, n_classes))
    total = trained.curve[0].score.total
    rows = []
    for epoch in trained.curve:
        row = {
            "epoch": epoch.epoch,
            "train_loss": epoch.train_loss,
            "diverged": epoch.diverged,
            "total": total,
        }
        if epoch.score:
            row |= {
                "correct": epoch.score.correct,
                "accuracy": epoch.score.accuracy,
                "loss": epoch.score.loss,
            }
        rows.append(sizes | row)
    return rows
