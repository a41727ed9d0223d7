"""Write the recipe of one network."""

from ossum.files import atomic
from ossum.progress import job_log
from ossum.recipes import Recipe

with job_log(snakemake.log[0]):
    key = snakemake.wildcards
    recipe = Recipe.of(key.dataset, key.architecture, key.activation, key.init, int(key.seed))
    with atomic(snakemake.output[0]) as path:
        path.write_text(recipe.to_json())
