"""Learning curves as rows of the result tables."""

from ossum.training.ensemble import Trained


def curve_rows(trained: Trained) -> list[dict[str, object]]:
    """The columns of `ossum.storage.results.CURVES` without keys and seconds, a row an epoch."""
    return [
        {
            "epoch": epoch.epoch,
            "widths": list(trained.network.hidden_widths),
            "train_loss": epoch.train_loss,
            **epoch.evaluation.columns(),
        }
        for epoch in trained.curve
    ]
