"""Rows, versions and files of the Delta tables, and the records that landing and cleaning rejected, by reason."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pinterest_platform.catalog import ENTITIES, QUARANTINE_PREFIX, REPORT_KEYS, SITE_PREFIX, Entity, Names, Route
from pinterest_platform.landing.kafka.chain import FORMAT as KAFKA_FORMAT
from pinterest_platform.landing.kinesis.chain import FORMAT as KINESIS_FORMAT
from pinterest_platform.landing.quarantine import is_committed, read_entries
from pinterest_platform.metrics import names
from pinterest_platform.metrics.samples import STORE, Samples
from pinterest_platform.metrics.sources import Sources
from pinterest_platform.ports import ObjectStore, TableFacts

_FORMATS = {Route.KAFKA: KAFKA_FORMAT, Route.KINESIS: KINESIS_FORMAT}

NEW_OBJECTS = 200
"""Quarantine objects of a stream that one scrape reads; until all were read, the count of the stream is unknown."""

LANDING_REASONS = (
    "no value (a tombstone)",
    "not JSON",
    "not UTF-8",
    "not one JSON object",
    "reserved name",
    "KPL aggregated record",
)
CLEANING_REASONS = (
    "damaged",
    "duplicate names",
    "object or array in a known field",
    "missing key",
    "non-integer key",
)
"""The kinds of reasons to reject a record, exported from the start: `increase` ignores the first value of a series."""


def table_uris(platform_names: Names) -> dict[str, str]:
    """Return the address of each table that is not a quarantine table by its name in metrics, such as `cleaned/pin`."""
    uris: dict[str, str] = {}
    for entity in ENTITIES:
        uris[f"cleaned/{entity.name}"] = platform_names.cleaned_uri(entity)
        uris[f"cleaned_stream/{entity.name}"] = platform_names.cleaned_stream_uri(entity)
    return uris | {f"reports/{key}": platform_names.report_uri(key) for key in REPORT_KEYS}


def read_store(sources: Sources) -> Samples:
    """Return no samples, but whether the store responds."""
    samples = Samples()
    samples.read(*STORE, lambda: next(iter(sources.objects.list(SITE_PREFIX)), None))
    return samples


def read_table(table: str, uri: str, sources: Sources) -> Samples:
    """Return the samples of a table; a table that does not exist yet has none."""
    samples = Samples()
    facts = samples.read("table", table, lambda: sources.lake.facts(uri))
    if facts is not None:
        _add_facts(samples, table, facts)
    return samples


@dataclass(slots=True)
class Rejections:
    """Counts of rejected records of one topic or stream by reason; it remembers what it has read.

    Args:
        entity: its entity.
        route: its route.
    """

    entity: Entity
    route: Route
    _landing: Counter[str] = field(default_factory=Counter[str])
    _newest_keys: dict[str, str] = field(default_factory=dict[str, str])
    _cleaning: tuple[tuple[str, int] | None, Mapping[str, int]] = (None, Counter())

    def read(self, sources: Sources) -> Samples:
        """Return the samples; a quarantine object is read once, the table of rejected records once a version."""
        samples, places = Samples(), sources.settings.names.places(self.entity, self.route)
        quarantined = samples.read("quarantine", places.source, lambda: self._quarantined(sources, places.source))
        for reason, count in _with_zeros(quarantined, LANDING_REASONS):
            samples.add(names.QUARANTINED, count, self.route, places.source, reason)
        table = f"{'cleaned' if self.route is Route.KAFKA else 'cleaned_stream'}/{self.entity.name}"
        rejected = samples.read("table", f"quarantine/{table}", lambda: self._rejected(sources, places.quarantine_uri))
        for reason, count in _with_zeros(rejected, CLEANING_REASONS):
            samples.add(names.REJECTED, count, self.route, places.source, reason)
        return samples

    def _quarantined(self, sources: Sources, source: str) -> Mapping[str, int] | None:
        """Count the quarantined records whose data object was landed; None if some are not read yet.

        Objects are landed in the order of their keys, so only keys after the newest counted one of a folder are new.
        """
        chain_format, budget = _FORMATS[self.route], NEW_OBJECTS
        for root in chain_format.roots:
            for folder in _folders(sources.objects, f"{QUARANTINE_PREFIX}{root}{source}/", chain_format.label):
                for stored in sources.objects.list(folder, self._newest_keys.get(folder, "")):
                    if not is_committed(sources.objects, stored.key, chain_format):
                        continue
                    if not budget:
                        return None
                    entries = read_entries(sources.objects, stored.key, chain_format)
                    self._landing += Counter(kind_of(entry.reason) for entry in entries)
                    self._newest_keys[folder] = stored.key
                    budget -= 1
        return self._landing

    def _rejected(self, sources: Sources, uri: str) -> Mapping[str, int]:
        facts = sources.lake.facts(uri)
        version = None if facts is None else (facts.table_id, facts.version)
        if version is None:
            return {}
        if version != self._cleaning[0]:
            counts: Counter[str] = Counter()
            for reason, count in sources.lake.count_by(uri, "reason").items():
                counts[kind_of(reason)] += count
            self._cleaning = (version, counts)
        return self._cleaning[1]


def kind_of(reason: str) -> str:
    """Return the kind of a reason, which holds nothing that was posted."""
    return reason.partition(":")[0]


def _with_zeros(counts: Mapping[str, int] | None, reasons: Iterable[str]) -> Iterable[tuple[str, int]]:
    """Return the counts, 0 for a reason without any; none if they are unknown."""
    return () if counts is None else (dict.fromkeys(reasons, 0) | dict(counts)).items()


def _folders(store: ObjectStore, prefix: str, label: str) -> Iterator[str]:
    """Yield the folders of the partitions or shards under a prefix; it needs one LIST for each, however large it is."""
    after = ""
    while (first := next(iter(store.list(prefix, after)), None)) is not None:
        folder = first.key.rpartition("/")[0]
        if folder.rpartition("/")[2].startswith(f"{label}="):
            yield f"{folder}/"
            # "0" follows "/", so nothing of this folder sorts after it.
            after = f"{folder}0"
        else:
            after = first.key


def _add_facts(samples: Samples, table: str, facts: TableFacts) -> None:
    samples.add(names.TABLE_ROWS, facts.rows, table)
    samples.add(names.TABLE_VERSION, facts.version, table)
    samples.add(names.TABLE_FILES, facts.files, table)
