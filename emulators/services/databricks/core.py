"""The parts of the server."""

from dataclasses import dataclass

from emulators.services.databricks.clusters import Clusters
from emulators.services.databricks.dbfs import Dbfs
from emulators.services.databricks.faults import Faults
from emulators.services.databricks.options import Options
from emulators.services.databricks.runner import Runner
from emulators.services.databricks.runs import Runs
from emulators.services.databricks.storage import Storage
from emulators.services.databricks.tables import Tables
from emulators.services.databricks.volumes import Volumes
from emulators.services.databricks.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that respond to requests."""

    options: Options
    tables: Tables
    faults: Faults
    runner: Runner
    runs: Runs
    clusters: Clusters
    dbfs: Dbfs
    volumes: Volumes
    workspace: Workspace


def open_core(options: Options, url: str) -> Core:
    """Open the data folder, and end the runs of a killed server.

    Args:
        options: the server's settings.
        url: its address for clients.

    Raises:
        EmulatorFailure: the folder cannot be opened.
    """
    tables = Tables(options.data)
    storage = Storage(options.data)
    faults = Faults(options.cluster_seconds)
    clusters = Clusters(tables, faults.cluster_seconds)
    runner = Runner(options, tables, storage, clusters, faults)
    runner.recover()
    return Core(
        options=options,
        tables=tables,
        faults=faults,
        runner=runner,
        runs=Runs(tables, runner, clusters, url, options.kept_runs),
        clusters=clusters,
        dbfs=Dbfs(storage),
        volumes=Volumes(storage),
        workspace=Workspace(storage),
    )
