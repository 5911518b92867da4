"""Delta tables, an engine, a provisioner and a notifier in memory."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pinterest_platform.catalog import ENTITIES, Names
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.ports import Alert, Json, MaintenanceResult, RowVersion, TableFacts
from pinterest_platform.testing.shards import FakeShardLog
from pinterest_platform.testing.topics import FakeTopicLog


class FakeLake:
    """The `ports.Lake` of tables whose content a test sets, by address.

    `tables` has their facts, `table_positions` their positions, `content` their rows, `older_content` the rows of older
    versions, `history` these versions, `maintenance` the result or failure of their maintenance, and `unreadable` the
    failure of reading their positions. `small_files` is the result of every compaction. `compacted`, `maintained` and
    `position_reads` record calls.
    """

    def __init__(self) -> None:
        self.tables: dict[str, TableFacts] = {}
        self.table_positions: dict[str, dict[str, int]] = {}
        self.content: dict[str, list[dict[str, Any]]] = {}
        self.history: dict[str, list[RowVersion]] = {}
        self.older_content: dict[str, dict[int, list[dict[str, Any]]]] = {}
        self.maintenance: dict[str, MaintenanceResult | Exception] = {}
        self.maintained: list[tuple[str, int, bool]] = []
        self.compacted: list[str] = []
        self.small_files: int | None = 0
        self.position_reads = 0
        self.unreadable: dict[str, PlatformFailure] = {}

    def positions(self, uri: str) -> Mapping[str, int] | None:
        """Return the positions of a table; None if there is no table."""
        self.position_reads += 1
        if uri in self.unreadable:
            raise self.unreadable[uri]
        return self.table_positions.get(uri)

    def facts(self, uri: str) -> TableFacts | None:
        """Return the facts of a table; None if there is no table."""
        return self.tables.get(uri)

    def rows(self, uri: str, limit: int | None = None, version: int | None = None) -> list[dict[str, Any]]:
        """Return the rows of a table or of an older version, or the first `limit` rows."""
        if uri not in self.content:
            raise PermanentFailure(f"There is no Delta table at {uri}.", "Set its `content`.")
        if version is None:
            return self.content[uri][:limit]
        if version not in self.older_content.get(uri, {}):
            raise PermanentFailure(f"The files of version {version} of {uri} are missing.", "Set its `older_content`.")
        return self.older_content[uri][version][:limit]

    def row_versions(self, uri: str, limit: int) -> Sequence[RowVersion]:
        """Return the newest versions of `history`."""
        if uri not in self.content:
            raise PermanentFailure(f"There is no Delta table at {uri}.", "Set its `content`.")
        return self.history.get(uri, [])[:limit]

    def count_by(self, uri: str, column: str) -> Mapping[str, int]:
        """Return the number of rows by the text in a column."""
        return Counter(row[column] for row in self.rows(uri))

    def compact(self, uri: str) -> int | None:
        """Record the call; return `small_files`."""
        self.compacted.append(uri)
        return self.small_files

    def maintain(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        """Record the call; return or raise the result of the table."""
        return self._maintained((uri, retention_hours, False))

    def preview_maintenance(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        """Record the call; return or raise the result of the table."""
        return self._maintained((uri, retention_hours, True))

    def _maintained(self, call: tuple[str, int, bool]) -> MaintenanceResult | None:
        uri, *_ = call
        self.maintained.append(call)
        result = self.maintenance.get(uri)
        if isinstance(result, Exception):
            raise result
        return result


class FakeEngine:
    """The `ports.SparkEngine` that runs each job by a function of `responses`; `calls` has jobs and parameters."""

    def __init__(self) -> None:
        self.responses: dict[str, Callable[[Json], Json]] = {}
        self.calls: list[tuple[str, Json]] = []

    def run(self, job: str, parameters: Json, progress: Callable[[str], None]) -> Json:
        """Return the response to a job; raise PermanentFailure if there is none."""
        self.calls.append((job, parameters))
        if job not in self.responses:
            raise PermanentFailure(f"The fake engine has no response to {job}.", f"Set `responses[{job!r}]`.")
        return self.responses[job](parameters)


class FakeProvisioner:
    """The `ports.Provisioner` of topics and streams in memory.

    Args:
        names: names of the topics and streams.
        topics: the log in which topics are created.
        shards: the log in which streams are created and deleted.
        partitions: the partitions of a topic.
        open_shards: the shards of a stream.
    """

    def __init__(
        self, names: Names, topics: FakeTopicLog, shards: FakeShardLog, partitions: int = 3, open_shards: int = 1
    ) -> None:
        self._names = names
        self._topics = topics
        self._shards = shards
        self._partitions, self._open_shards = partitions, open_shards

    def apply(self) -> Sequence[str]:
        """Create the topics and streams that are missing; return a line for each."""
        missing_topics = [
            topic for entity in ENTITIES if (topic := self._names.topic(entity)) not in self._topics.topics
        ]
        missing_streams = [
            stream for entity in ENTITIES if (stream := self._names.stream(entity)) not in self._shards.streams
        ]
        for topic in missing_topics:
            self._topics.create(topic, self._partitions)
        for stream in missing_streams:
            self._shards.create(stream, self._open_shards)
        return [
            *(f"topic {topic}: created" for topic in missing_topics),
            *(f"stream {stream}: created" for stream in missing_streams),
        ]

    def delete_streams(self, streams: Sequence[str], before: Callable[[str], None]) -> Sequence[str]:
        """Delete streams; see `Provisioner.delete_streams`."""
        existing = [stream for stream in streams if stream in self._shards.streams]
        for stream in existing:
            before(stream)
        for stream in existing:
            self._shards.delete(stream)
        return [f"stream {stream}: deleted" for stream in existing]


class FakeNotifier:
    """The `ports.Notifier` that keeps its `alerts`; delivery fails while it is `down`."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.down = False

    def notify(self, alert: Alert) -> None:
        """Keep an alert."""
        if self.down:
            raise TransientFailure("The webhook responded with 500.", "Retry.")
        self.alerts.append(alert)
