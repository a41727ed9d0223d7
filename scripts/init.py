"""Write the recipe of one network."""

from ossum.files import atomic
from ossum.progress import job_log
from ossum.recipes import Recipe
from ossum.registry import DATASETS, lookup

with job_log(snakemake.log[0]):
    key = snakemake.wildcards
    data = lookup(DATASETS, key.dataset, "data set")
    recipe = Recipe(
        dataset=key.dataset,
        architecture=key.architecture,
        activation=key.activation,
        init=key.init,
        seed=int(key.seed),
        input_size=data.input_size,
        n_classes=data.n_classes,
    )
    with atomic(snakemake.output[0]) as path:
        path.write_text(recipe.to_json())
