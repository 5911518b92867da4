"""The only composition root: everything below `defs`, the resources, one policy over all specs."""

import warnings

import dagster as dg

from pinterest_platform import defs as folders
from pinterest_platform import resources
from pinterest_platform.orchestration.policy import with_policy

# The loader is marked preview; its alternative imports every registered component and takes 2 s more.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
# `map_asset_specs` passes on to every sensor what a sensor may be given; no sensor here has owners.
warnings.filterwarnings("ignore", "Parameter `owners` of initializer `SensorDefinition", dg.BetaWarning)

defs = dg.Definitions.merge(
    dg.load_definitions_from_package_module(folders),
    dg.Definitions(resources=resources.build(), executor=dg.in_process_executor),
).map_asset_specs(func=with_policy)
