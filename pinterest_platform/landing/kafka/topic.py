"""Landing a topic: every partition of one epoch, exactly once (rules L1 to L18)."""

import uuid
from collections.abc import Iterable, Mapping, Sequence

from pinterest_platform.failures import PermanentFailure, TransientFailure, joined
from pinterest_platform.landing.checkpoint import covered_position
from pinterest_platform.landing.kafka.chain import (
    PartitionChain,
    TopicListing,
    absent_partition,
    foreign_object,
    is_sink_object,
    list_topic,
)
from pinterest_platform.landing.kafka.history import History, landed_topic_id, read_history
from pinterest_platform.landing.kafka.options import TopicOptions, unused_gaps
from pinterest_platform.landing.kafka.partition import BrokerPartition, PartitionLander
from pinterest_platform.landing.kafka.results import LandedPartition, LandedTopic
from pinterest_platform.landing.kafka.state import ResumeState
from pinterest_platform.landing.kafka.writer import LandingContext
from pinterest_platform.landing.quarantine import sweep
from pinterest_platform.messages import counted
from pinterest_platform.ports import ObjectStore, Progress, TopicLog, TopicState, silent

MAX_NAMED = 5
"""The most objects of a Connect sink under foreign names that one failure names."""


def land_topic(
    log: TopicLog, store: ObjectStore, topic: str, options: TopicOptions | None = None, progress: Progress = silent
) -> LandedTopic:
    """Land everything that is committed in a topic when the call begins; a second call lands nothing twice.

    Any number of calls can run at once, and can be killed at any time: once a call has completed, each offset is in
    exactly one object or in quarantine (rule L18). A drain calls it repeatedly, with the `resume` of the last call.

    Args:
        log: the broker; it is not read for a topic that Connect lands.
        store: the bucket.
        topic: the topic.
        options: the options, with the positions of an earlier call or of a consumer.
        progress: gets a line for each landed object and for each accepted gap that was not needed.

    Raises:
        PermanentFailure: offsets were lost, the topic was recreated, or objects overlap. If one partition
            fails, the others are landed first.
        TransientFailure: the broker or the store did not respond.
    """
    options = options or TopicOptions()
    state = None if options.landed_by_connect else log.describe(topic)

    def check_epoch() -> None:
        if state is not None and (current := log.topic_id(topic)) != state.topic_id:
            raise TransientFailure(
                f"{topic} was recreated while it was landed: topic id {state.topic_id} became {current}.",
                "Nothing read since was landed. Run the landing again.",
            )

    context = LandingContext(store, options, uuid.uuid4().hex, check_epoch, progress)
    resume = options.resume if state is not None and options.resume and options.resume.is_of(state) else None
    if resume is not None:
        chains = [PartitionChain(topic, partition, resume.epoch) for partition in resume.ends]
        histories, failures = {chain.partition: History(chain) for chain in chains}, list[PermanentFailure]()
    else:
        listing = list_topic(store, topic)
        histories, failures = _read_histories(context, listing.chains, topic, state)
        failures += _foreign_objects(topic, listing, histories, progress)
    for failure in failures:
        progress(str(failure))
    bounds = {part.partition: part for part in state.partitions} if state is not None else {}
    landers: list[PartitionLander] = []
    landed: list[LandedPartition] = []
    for partition, history in sorted(histories.items()):
        broker = None
        if state is not None and partition in bounds:
            broker = BrokerPartition(log, state.topic_id, bounds[partition])
        landers.append(PartitionLander(context, history, broker, resume and resume.ends[partition]))
        try:
            sweep(store, history)
            landed.append(landers[-1].run())
        except PermanentFailure as failure:
            progress(str(failure))
            failures.append(failure)
    if failures:
        raise joined(failures)
    if resume is None:
        for line in unused_gaps([gap for gap in options.accept_gaps if gap.topic == topic], landed):
            progress(line)
    return _result(topic, state, landers, landed)


def _result(
    topic: str, state: TopicState | None, landers: Sequence[PartitionLander], landed: Sequence[LandedPartition]
) -> LandedTopic:
    epoch = next((lander.history.chain.epoch for lander in landers), None)
    if state is None:
        return LandedTopic(topic, None, epoch, tuple(landed))
    resume = None
    # The objects of a Connect sink are compared in each call.
    if all(lander.history.is_coverable for lander in landers):
        ends = {lander.history.chain.partition: lander.end for lander in landers}
        resume = ResumeState(state.topic_id, epoch, ends, {part.app_id: part.landed for part in landed})
    return LandedTopic(topic, state.topic_id, epoch, tuple(landed), resume)


def _foreign_objects(
    topic: str, listing: TopicListing, histories: Mapping[int, History], progress: Progress
) -> list[PermanentFailure]:
    """Report the objects that are not landed because of their names; return the failures of those of a Connect sink."""
    foreign_keys = [*listing.foreign_keys]
    for history in histories.values():
        foreign_keys += history.foreign_keys
        if history.side_objects and history.connect_objects:
            objects = counted(len(history.side_objects), "object")
            progress(
                f"{history.chain.app_id}: not landed: {objects} with keys or headers of records, such as "
                f"{history.side_objects[0]}"
            )
    foreign_of_sink = [key for key in foreign_keys if is_sink_object(topic, key)]
    for key in foreign_keys:
        if key not in foreign_of_sink:
            progress(f"{key} is not landed: neither landing nor a Connect sink gives such a name")
    return [foreign_object(key) for key in foreign_of_sink[:MAX_NAMED]]


def _read_histories(
    context: LandingContext, stored: Sequence[PartitionChain], topic: str, state: TopicState | None
) -> tuple[dict[int, History], list[PermanentFailure]]:
    """Return the chains to extend by partition, and the failures of those that cannot be read.

    They are the chains of the first epoch, or those of a recreated topic that is landed next to an older one.
    """
    store, options = context.store, context.options
    failures: list[PermanentFailure] = []
    unreadable: list[PartitionChain] = []

    def list_from(chain: PartitionChain) -> int | None:
        """Return the position of a landed object, so that older ones are not listed; None if none is known."""
        if chain.app_id in options.list_from or chain not in stored:
            return options.list_from.get(chain.app_id)
        return covered_position(store, chain.folder)

    def read(chains: Iterable[PartitionChain]) -> dict[int, History]:
        histories: dict[int, History] = {}
        for chain in chains:
            try:
                history = read_history(store, chain, list_from(chain))
                history.require_unchanged_end()
                histories[chain.partition] = history
            except PermanentFailure as failure:
                failures.append(failure)
                unreadable.append(chain)
        return histories

    present = {part.partition for part in state.partitions} if state else set[int]()
    first_epoch = present | {chain.partition for chain in stored if chain.epoch is None}
    histories = read(PartitionChain(topic, partition) for partition in sorted(first_epoch))
    if state is None:
        return histories, failures
    # A chain that cannot be read still has the id of the topic that it was landed from.
    ids = {history.topic_id for history in histories.values()}
    ids |= {landed_topic_id(store, chain) for chain in unreadable}
    older_ids = sorted(topic_id for topic_id in ids if topic_id not in (state.topic_id, None))
    if not older_ids:
        failures += _absent_partitions(stored, None, present)
        return {partition: histories[partition] for partition in sorted(present & histories.keys())}, failures
    context.check_epoch()
    # Once the new topic was landed next to the old one, later calls continue there without the option.
    is_landed = any(chain.epoch == state.topic_id for chain in stored)
    if options.new_epoch == "fail" and not is_landed:
        recreated = PermanentFailure(
            f"{topic} was recreated: topic id {', '.join(map(str, older_ids))} was landed, "
            f"and the broker now has {state.topic_id}.",
            "Nothing was landed. To land the new topic next to the old one, set PINTEREST_NEW_EPOCH=land.",
        )
        raise joined([recreated, *failures])
    failures += _absent_partitions(stored, state.topic_id, present)
    return read(PartitionChain(topic, partition, state.topic_id) for partition in sorted(present)), failures


def _absent_partitions(
    stored: Sequence[PartitionChain], epoch: str | None, present: set[int]
) -> list[PermanentFailure]:
    """Return a failure for each stored chain of the current epoch whose partition the broker does not have."""
    chains = [chain for chain in stored if chain.epoch == epoch and chain.partition not in present]
    return [absent_partition(chain, len(present)) for chain in chains]
