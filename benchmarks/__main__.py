"""All benchmarks that need no finished run, as one Markdown document.

./run python benchmarks            (about eleven minutes on two cores, 7 GiB of memory)
"""

import busy_machine
import denormal_numbers
import ensemble_training
import gradient_mask
import precision
import prune_and_evaluate
import pruning_costs
import training_steps
import wide_training
from common import document

document(
    *(prune_and_evaluate, ensemble_training, gradient_mask, wide_training, training_steps),
    *(busy_machine, denormal_numbers, precision, pruning_costs),
)
