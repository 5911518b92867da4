"""The only composition root: all of `defs`, the resources, and one policy for all assets."""

import warnings

import dagster as dg

from pinterest_platform import defs as folders
from pinterest_platform import resources
from pinterest_platform.orchestration.policy import with_code, with_policy

# The loader is in preview. Its alternative imports every registered component, which takes 2 s more.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
# `map_asset_specs` passes `owners`, a beta parameter, to every sensor; no sensor here has owners.
warnings.filterwarnings("ignore", "Parameter `owners` of initializer `SensorDefinition", dg.BetaWarning)
warnings.filterwarnings("ignore", ".*(with_source_code_references|CodeReference)", dg.BetaWarning)

defs = dg.Definitions.merge(
    with_code(dg.load_definitions_from_package_module(folders)),
    dg.Definitions(resources=resources.build(), executor=dg.in_process_executor),
).map_asset_specs(func=with_policy)
