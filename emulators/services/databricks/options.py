"""What can be set when the server starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CLUSTER_ID = "0101-000000-emulated"
"""The cluster that every workspace has from its beginning."""
USER = "emulator@example.com"
VOLUME = "main/default/pinterest"
"""Catalog, schema and name of the volume that every workspace has from its beginning."""


@dataclass(frozen=True, slots=True)
class Options:
    """The server's settings.

    Args:
        data: the folder of runs, clusters and files.
        token: what clients have to send.
        port: the port on 127.0.0.1; 0 takes a free one.
        profile: environment variables of every job: what an instance profile is to a cluster.
        cluster_seconds: how long a cluster takes to start.
        processes: how many tasks run at once; others wait for their turn.
        kept_runs: how many finished runs are remembered.
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
