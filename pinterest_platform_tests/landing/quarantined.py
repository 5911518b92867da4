"""The quarantined records of a topic or stream that belong to a landed object."""

from collections.abc import Iterable

from pinterest_platform.landing.kafka import chain as kafka_chain
from pinterest_platform.landing.kafka import history as kafka_history
from pinterest_platform.landing.kinesis import chain as kinesis_chain
from pinterest_platform.landing.kinesis import history as kinesis_history
from pinterest_platform.landing.quarantine import ChainHistory, QuarantinedRecord, committed_quarantine, read_entries
from pinterest_platform.ports import ObjectStore


def quarantined_of_topic(store: ObjectStore, topic: str) -> list[QuarantinedRecord]:
    """Return the rejected records of a topic by epoch, partition and offset, without those of orphans."""
    histories = [kafka_history.read_history(store, chain) for chain in kafka_chain.list_chains(store, topic)]
    return _committed(store, histories)


def quarantined_of_stream(store: ObjectStore, stream: str) -> list[QuarantinedRecord]:
    """Return the rejected records of a stream by epoch, shard and sequence number, without those of orphans."""
    histories = [kinesis_history.read_history(store, chain) for chain in kinesis_chain.list_chains(store, stream)]
    return _committed(store, histories)


def _committed(store: ObjectStore, histories: Iterable[ChainHistory]) -> list[QuarantinedRecord]:
    return [
        entry
        for history in histories
        for _, quarantine in sorted(committed_quarantine(store, history).items())
        for entry in read_entries(store, quarantine.key, history.chain.format)
    ]
