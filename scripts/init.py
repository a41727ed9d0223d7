"""Draw a network and note what came out."""

import torch

from ossum.networks.network import digests, draw
from ossum.networks.recipe import Drawn
from ossum.storage.files import atomic
from ossum.workflow.job import Job

with Job.of(snakemake) as job:
    drawn = Drawn(job.recipe, torch.__version__, digests(draw(job.recipe)))
    with atomic(snakemake.output[0]) as path:
        path.write_text(drawn.to_json(), encoding="utf-8")
