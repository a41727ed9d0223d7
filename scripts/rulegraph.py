"""Draw the stages of the workflow as Snakemake itself sees them, with this configuration."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ossum.progress import job_log
from ossum.provenance import ROOT
from ossum.stage_graph import draw, stages

with job_log(snakemake.log[0]), TemporaryDirectory() as folder:
    config = Path(folder) / "config.json"
    config.write_text(json.dumps(snakemake.config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--rulegraph", "mermaid-js", "--configfile", str(config)]
    asked = subprocess.run(command, capture_output=True, text=True)
    if asked.returncode:
        raise RuntimeError(f"Snakemake did not print its rule graph:\n{asked.stdout}{asked.stderr}")
    draw(stages(asked.stdout), Path(snakemake.output[0]))
