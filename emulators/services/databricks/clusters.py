"""Clusters: their descriptions and their slow start."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from emulators.services.databricks.errors import invalid, wrong_state
from emulators.services.databricks.model import now_ms
from emulators.services.databricks.options import CLUSTER_ID, USER
from emulators.services.databricks.parameters import Parameters
from emulators.services.databricks.tables import Tables

SPARK_VERSION = "17.3.x-scala2.13"
RUNTIME = "17.3"
"""The DATABRICKS_RUNTIME_VERSION of jobs."""
_NODE = "i3.xlarge"

_DESCRIBED = (
    *("cluster_name", "spark_version", "node_type_id", "num_workers", "autoscale", "spark_conf", "spark_env_vars"),
    *("custom_tags", "data_security_mode", "cluster_log_conf", "aws_attributes", "autotermination_minutes"),
)


class Clusters:
    """The clusters of the workspace, without the job clusters of runs.

    Args:
        tables: the tables of the database.
        start_seconds: returns the duration of a start; called at each one.
    """

    def __init__(self, tables: Tables, start_seconds: Callable[[], float]) -> None:
        self._tables = tables
        self._start_seconds = start_seconds
        self._clusters = tables.clusters()
        self._starting: dict[str, asyncio.Task[None]] = {}
        if CLUSTER_ID not in self._clusters:
            self._save(_description(CLUSTER_ID, {"cluster_name": "emulated"}, "RUNNING"))
        for cluster in self._clusters.values():
            if cluster["state"] == "PENDING":
                self._set(cluster["cluster_id"], "TERMINATED")

    def get(self, call: Parameters) -> dict[str, Any]:
        """Describe a cluster (GET clusters/get)."""
        return self._cluster(call)

    def page(self, _: Parameters) -> dict[str, Any]:
        """List the clusters (GET clusters/list)."""
        return {"clusters": list(self._clusters.values())}

    def create(self, call: Parameters) -> dict[str, Any]:
        """Create a cluster and start it (POST clusters/create)."""
        call.text("spark_version")
        call.environment("spark_env_vars")
        cluster_id = f"0101-{secrets.randbelow(10**6):06}-{secrets.token_hex(4)}"
        settings = {name: call.raw(name) for name in _DESCRIBED if call.raw(name) is not None}
        self._save(_description(cluster_id, settings, "TERMINATED"))
        self._start(cluster_id)
        return {"cluster_id": cluster_id}

    def start(self, call: Parameters) -> dict[str, Any]:
        """Start a terminated cluster (POST clusters/start)."""
        cluster = self._cluster(call)
        if cluster["state"] != "TERMINATED":
            raise wrong_state(f"Cluster {cluster['cluster_id']} is in unexpected state {cluster['state']}.")
        self._start(cluster["cluster_id"])
        return {}

    def terminate(self, call: Parameters) -> dict[str, Any]:
        """Terminate a cluster; it can be started again (POST clusters/delete)."""
        cluster_id = self._cluster(call)["cluster_id"]
        if start := self._starting.pop(cluster_id, None):
            start.cancel()
        self._set(cluster_id, "TERMINATED")
        return {}

    def remove(self, call: Parameters) -> dict[str, Any]:
        """Delete a cluster permanently (POST clusters/permanent-delete)."""
        self.terminate(call)
        cluster_id = call.text("cluster_id")
        del self._clusters[cluster_id]
        self._tables.remove_cluster(cluster_id)
        return {}

    def spark_versions(self, _: Parameters) -> dict[str, Any]:
        """List the Spark versions (GET clusters/spark-versions)."""
        return {"versions": [{"key": SPARK_VERSION, "name": f"{RUNTIME} LTS (emulated: Sail)"}]}

    def node_types(self, _: Parameters) -> dict[str, Any]:
        """List the node types (GET clusters/list-node-types)."""
        node = {"node_type_id": _NODE, "memory_mb": 31232, "num_cores": 4.0, "description": _NODE}
        return {"node_types": [{**node, "instance_type_id": _NODE, "category": "Storage Optimized"}]}

    def environment(self, cluster_id: str) -> dict[str, str]:
        """Return the environment variables that a cluster sets for its jobs."""
        return dict(self._clusters.get(cluster_id, {}).get("spark_env_vars") or {})

    def exists(self, cluster_id: str) -> bool:
        """Return whether there is such a cluster."""
        return cluster_id in self._clusters

    async def ready(self, cluster_id: str) -> bool:
        """Start a cluster if necessary and wait for it; return False if it was removed or terminated meanwhile."""
        if self.exists(cluster_id) and self._clusters[cluster_id]["state"] == "TERMINATED":
            self._start(cluster_id)
        if start := self._starting.get(cluster_id):
            await asyncio.wait([start])
        return self.exists(cluster_id) and self._clusters[cluster_id]["state"] == "RUNNING"

    async def new(self) -> None:
        """Wait for the start of a job cluster."""
        await asyncio.sleep(self._start_seconds())

    def _start(self, cluster_id: str) -> None:
        async def start() -> None:
            await self.new()
            self._set(cluster_id, "RUNNING")
            del self._starting[cluster_id]

        self._set(cluster_id, "PENDING")
        self._starting[cluster_id] = asyncio.create_task(start())

    def _cluster(self, call: Parameters) -> dict[str, Any]:
        cluster_id = call.text("cluster_id")
        if not self.exists(cluster_id):
            raise invalid(f"Cluster {cluster_id} does not exist")
        return self._clusters[cluster_id]

    def _set(self, cluster_id: str, state: str) -> None:
        self._save({**self._clusters[cluster_id], "state": state})

    def _save(self, cluster: dict[str, Any]) -> None:
        self._clusters[cluster["cluster_id"]] = cluster
        self._tables.save_cluster(cluster["cluster_id"], cluster)


def _description(cluster_id: str, specification: dict[str, Any], state: str) -> dict[str, Any]:
    defaults = {"cluster_name": "", "spark_version": SPARK_VERSION, "node_type_id": _NODE, "num_workers": 0}
    fixed = {"cluster_id": cluster_id, "creator_user_name": USER, "start_time": now_ms(), "cluster_source": "API"}
    return {**defaults, **specification, **fixed, "state": state, "state_message": ""}
