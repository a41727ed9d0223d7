"""Write the recipe of one network."""

from pathlib import Path

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
    Path(snakemake.output[0]).write_text(recipe.to_json())
