"""Settings of the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CLUSTER_ID = "0101-000000-emulated"
"""The initial cluster of every workspace."""
USER = "emulator@example.com"
VOLUME = "main/default/pinterest"
"""Catalog, schema and name of the initial volume of every workspace."""


@dataclass(frozen=True, slots=True)
class Options:
    """The server's settings.

    Args:
        data: the folder of runs, clusters and files.
        token: the token of clients.
        port: the port on 127.0.0.1; 0 chooses a free one.
        profile: environment variables of every job, in the role of an instance profile.
        cluster_seconds: start time of a cluster.
        processes: number of tasks that run concurrently; others wait.
        kept_runs: number of finished runs to keep.
        controls: whether tests may inject faults by POST /_faults.
    """

    data: Path
    token: str = field(repr=False)
    port: int = 0
    profile: Mapping[str, str] = field(default_factory=dict, repr=False)
    cluster_seconds: float = 0.2
    processes: int = 3
    kept_runs: int = 500
    controls: bool = False
