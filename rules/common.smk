"""The checked configuration, and what several rules use."""

import os
import sys

from snakemake.exceptions import WorkflowError

# Rules here and the scripts of jobs import the package that lies beside the Snakefile.
sys.path.insert(0, workflow.basedir)
paths = [workflow.basedir, os.environ.get("PYTHONPATH")]
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, paths)))

from ossum.cells import CONSTRAINTS, EVALUATION, NETWORK, SUBNETWORK, Cell
from ossum.config import ConfigError, parse_config
from ossum.fusion import batches
from ossum.provenance import code_hash, module_source
from ossum.registry import DATASETS, METHODS, lookup

try:
    CONFIG = parse_config(config)
except ConfigError as error:
    raise WorkflowError(str(error))

DATA = "data/{dataset}.safetensors"


def code_of(script, dataset, method=None):
    """Hash of the code behind a result: the script, the data set's module and the method's."""
    modules = [lookup(DATASETS, dataset, "data set").module]
    if method:
        modules.append(lookup(METHODS, method, "pruning method").module)
    return code_hash(script, *map(module_source, modules))


wildcard_constraints:
    **CONSTRAINTS,
    figure="|".join(CONFIG.figures),


# A job keeps those of its cells that are finished already (outputs are flagged `update`), except
# where the user forces it: jobs inherit this variable, and scripts look at it.
onstart:
    forced = ["all"] if workflow.dag_settings.forceall else workflow.dag_settings.forcerun
    os.environ.update(OSSUM_FORCE=" ".join(map(str, forced)))
