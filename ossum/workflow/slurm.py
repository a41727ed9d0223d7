"""Jobs of an earlier run that Slurm still has.

When Snakemake is killed, its Slurm jobs live on. The next run knows nothing of them and would
submit the same jobs again. That does no damage, since files are written whole and to the same
content, but it wastes the cluster's time.
"""

import getpass
import os
import subprocess
from pathlib import Path


class LeftOverError(RuntimeError):
    """Slurm has, or may have, jobs of an earlier run; the message says what to do."""


def refuse_left_over_jobs(folder: str | Path, prefix: str) -> None:
    """LeftOverError if Slurm has jobs of this user, waiting or running, that were submitted from
    `folder` under names that start with `prefix`, or if it cannot be asked."""
    command = ["squeue", "--noheader", "--user", getpass.getuser(), "--format", "%i|%j|%Z"]
    try:
        said = subprocess.run(command, check=True, capture_output=True).stdout
    except FileNotFoundError:
        raise LeftOverError("there is no squeue here: start this where Slurm is") from None
    except subprocess.CalledProcessError as error:
        reason = os.fsdecode(error.stderr).strip()
        raise LeftOverError(f"Slurm does not answer: {reason}") from None
    # Paths are bytes, decoded here as Python decodes them elsewhere.
    rows = [line.strip().split("|", 2) for line in os.fsdecode(said).splitlines()]
    left = [job for job, name, at in rows if name.startswith(prefix) and at == str(folder)]
    if left:
        raise LeftOverError(
            f"Slurm still has {len(left)} job(s) of an earlier run in this folder, which this run "
            "would submit again. Wait until they have ended (what they finish is kept), or cancel "
            f"them:\n  scancel {' '.join(left)}"
        )
