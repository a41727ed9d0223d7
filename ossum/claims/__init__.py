"""The paper's statements as code: each is computed from the tables and gets a verdict.

Where the paper speaks of the OSSuM variants together, we take their mean; where it speaks of the
best of them, the best of each data set, with an interval that allows for their number. Each rival
has a check of its own, because the best of several, chosen by the very numbers that are compared,
looks better than it is. Differences are between networks of the same seed. A check holds if its
whole 95 % interval lies where the claim says. An interval that is wide for want of seeds leaves it
inconclusive. docs/claims.md says more.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A statement of the paper (or a question of ours) and where its checks are.

    statement: our paraphrase.
    table: the figure (or "costs") whose table the checks are computed from.
    checks: the function in this package, "module.function", that takes this table and yields
        checks. It is given by name, so that planning a workflow loads none of it.
    note: what a reader should know beside the verdict.
    ours: whether it is a question that the paper does not ask.
    """

    id: str
    statement: str
    table: str
    checks: str
    note: str = ""
    ours: bool = False


_ALL = [
    Claim(
        "headline",
        "Pruned as drawn, two-layer networks reach about 82 % on MNIST and 29 % on CIFAR-10",
        "fig1",
        "two_layer.headline",
    ),
    Claim("chance", "Unpruned networks, as drawn, are at about 10 %", "fig1", "two_layer.chance"),
    Claim(
        "gradient-mask",
        "OSSuM is on par with a mask learned by gradient descent, and better at high sparsity",
        "fig1",
        "two_layer.gradient_mask",
        note="Our mask is trained with momentum; without, the outcome is mixed "
        "(docs/results.md, other readings).",
    ),
    Claim(
        "trained-two-layer",
        "Trained two-layer networks lose far less by OSSuM than by coreset or norm at high "
        "sparsity, above all on CIFAR-10",
        "fig2",
        "two_layer.trained_then_pruned",
    ),
    Claim(
        "finetuned-two-layer",
        "After fine-tuning those, OSSuM is slightly ahead at moderate sparsity",
        "fig2",
        "two_layer.then_finetuned",
    ),
    Claim(
        "deep",
        "Deep networks as drawn reach 62 % on MNIST and 23 % on CIFAR-10 by PAB, ahead of "
        "OSSuM + Norm, norm and random",
        "fig7",
        "deep.at_initialisation",
    ),
    Claim(
        "deep-then-trained",
        "Trained from OSSuM's subnetworks, deep networks end above norm and random at 50 to 75 % "
        "and at 96.8 to 98.4 %",
        "fig3",
        "deep.then_trained",
    ),
    Claim(
        "trained-deep",
        "Of trained deep networks at very high sparsity, PAB and OSSuM + Norm are best after "
        "pruning, and PAB is after fine-tuning",
        "fig4",
        "deep.trained_then_pruned",
    ),
    Claim(
        "activations",
        "tanh beats ReLU, ReLU beats sigmoid; the gap is wide at high sparsity",
        "fig5",
        "ablations.activations",
    ),
    Claim(
        "distributions",
        "Constant and uniform weights beat normal ones; constant slightly beats uniform",
        "fig5",
        "ablations.distributions",
    ),
    Claim(
        "spread",
        "Uniform weights work best with zero mean and high variance",
        "fig5",
        "ablations.spread",
    ),
    Claim(
        "search",
        "Of all widths of a deep network, most sparse ones exceed 50 %, PAB is above Norm, and "
        "the best reaches 66 % with about 82 % of the weights pruned",
        "fig5",
        "ablations.search",
    ),
    Claim(
        "unscaled",
        "Without rescaling, PAB trains best at most sparsities",
        "fig7",
        "deep.without_rescaling",
    ),
    Claim(
        "kept-weights",
        "Kept weights keep their mean, variance, extremes and ratio of signs",
        "fig8",
        "ablations.kept_weights",
    ),
    Claim(
        "learning-curves",
        "Subnetworks found by OSSuM learn faster at some sparsities",
        "fig6",
        "deep.learning_curves",
    ),
    Claim(
        "cost",
        "OSSuM costs one forward pass, the gradient mask a training run",
        "costs",
        "cost.passes_and_seconds",
    ),
    Claim(
        "luck",
        "Is OSSuM better than the best of 100 random subsets, chosen on the training set?",
        "beyond",
        "controls.more_than_luck",
        ours=True,
    ),
    Claim(
        "ceiling",
        "Does a learned output layer get more out of the same random neurons?",
        "beyond",
        "controls.below_the_ceiling",
        ours=True,
    ),
    Claim(
        "size",
        "Do OSSuM's subnetworks train better than networks that were drawn as small?",
        "beyond",
        "controls.more_than_size",
        ours=True,
    ),
    Claim(
        "cross-entropy",
        "Does the cross-entropy of untrained networks fall as their accuracy rises?",
        "beyond",
        "controls.surer_than_before",
        ours=True,
    ),
]

CLAIMS: dict[str, Claim] = {claim.id: claim for claim in _ALL}
