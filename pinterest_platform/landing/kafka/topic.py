"""Landing a topic: every partition, one epoch, exactly once (ARCHITECTURE "Landing exactly once")."""

import uuid
from collections.abc import Callable, Iterable, Mapping

from pinterest_platform.catalog import ADOPTED_PREFIX, TOPICS_PREFIX
from pinterest_platform.failures import PermanentFailure, TransientFailure, joined
from pinterest_platform.landing.kafka.chain import PartitionChain, list_chains
from pinterest_platform.landing.kafka.history import History, landed_topic_id, read_history
from pinterest_platform.landing.kafka.options import LandingOptions, unused_gaps
from pinterest_platform.landing.kafka.partition import PartitionLander, Source
from pinterest_platform.landing.kafka.quarantine import sweep
from pinterest_platform.landing.kafka.results import LandedPartition, LandedTopic
from pinterest_platform.ports import ObjectStore, Progress, TopicLog, TopicState, silent


def land_topic(
    log: TopicLog,
    store: ObjectStore,
    topic: str,
    options: LandingOptions | None = None,
    progress: Progress = silent,
    *,
    cleaned: Mapping[str, int] | None = None,
    known: Mapping[str, int] | None = None,
) -> LandedTopic:
    """Land everything that is committed in a topic when the call begins; running it again lands nothing twice.

    Any number of calls may run at once, and may die at any moment: each offset ends in exactly one object or in
    quarantine, once some call came to its end.

    Args:
        log: the broker; not asked at all for a topic that Connect lands.
        store: the bucket.
        topic: which topic.
        options: how to land.
        progress: gets a line for each object landed, and for each gap that was accepted in vain.
        cleaned: the last offset that a consumer has taken, by app id: landing goes on behind it even where somebody
            deleted the landed objects.
        known: `LandedTopic.hints` of an earlier call, which save listing older objects.

    Raises:
        PermanentFailure: offsets were lost, the topic was made anew, or objects overlap. For what concerns one
            partition alone, the others are landed first.
        TransientFailure: the broker or the store did not answer.
    """
    options = options or LandingOptions()
    state = None if options.landed_by_connect else log.describe(topic)

    def unchanged() -> None:
        if state is not None and (now := log.topic_id(topic)) != state.topic_id:
            raise TransientFailure(
                f"{topic} was deleted and made anew while it was landed: topic id {state.topic_id} became {now}.",
                "Nothing read since was landed; run the landing again.",
            )

    histories, failures = _histories(store, topic, state, options, known or {}, unchanged)
    for failure in failures:
        progress(str(failure))
    epoch = next((history.chain.epoch for history in histories.values()), None)
    bounds = {part.partition: part for part in state.partitions} if state is not None else {}
    landed: list[LandedPartition] = []
    lander = uuid.uuid4().hex
    for partition, history in sorted(histories.items()):
        source = Source(log, state.topic_id, bounds[partition]) if state is not None and partition in bounds else None
        floor = (cleaned or {}).get(history.chain.app_id)
        try:
            sweep(store, history)
            landed.append(PartitionLander(store, history, source, options, lander, unchanged, progress, floor).run())
        except PermanentFailure as failure:
            progress(str(failure))
            failures.append(failure)
    if failures:
        raise joined(failures)
    for line in unused_gaps([gap for gap in options.accept_gaps if gap.topic == topic], landed):
        progress(line)
    return LandedTopic(topic, state.topic_id if state else None, epoch, tuple(landed))


def _histories(
    store: ObjectStore,
    topic: str,
    state: TopicState | None,
    options: LandingOptions,
    known: Mapping[str, int],
    unchanged: Callable[[], None],
) -> tuple[dict[int, History], list[PermanentFailure]]:
    """The chains to extend, by partition: the first epoch's, or those beside it of a topic made anew.

    With them comes what is wrong with the chains that cannot be read, and so are left out.
    """
    failures: list[PermanentFailure] = []
    unread: list[PartitionChain] = []

    def read(read_chains: Iterable[PartitionChain]) -> dict[int, History]:
        histories: dict[int, History] = {}
        for chain in read_chains:
            try:
                histories[chain.partition] = read_history(store, chain, known.get(chain.app_id))
            except PermanentFailure as failure:
                failures.append(failure)
                unread.append(chain)
        return histories

    stored = list_chains(store, topic, TOPICS_PREFIX, ADOPTED_PREFIX)
    present = {part.partition for part in state.partitions} if state else set[int]()
    first = present | {chain.partition for chain in stored if chain.epoch is None}
    histories = read(PartitionChain(topic, partition) for partition in sorted(first))
    if state is None:
        return histories, failures
    # A chain that cannot be read still tells whether the topic is the one that was landed.
    ids = {history.topic_id for history in histories.values()} | {landed_topic_id(store, chain) for chain in unread}
    others = ids - {state.topic_id, None}
    if not others:
        return histories, failures
    unchanged()
    # Once the new topic was landed beside the old one, it goes on there: whoever allowed it did so for good.
    beside = any(chain.epoch == state.topic_id for chain in stored)
    if options.new_epoch == "fail" and not beside:
        anew = PermanentFailure(
            f"{topic} was deleted and made anew: topic id {', '.join(sorted(map(str, others)))} was landed, "
            f"and the broker now has {state.topic_id}.",
            "Nothing was landed. To land the new topic beside the old one, set PINTEREST_NEW_EPOCH=land.",
        )
        raise joined([anew, *failures])
    return read(PartitionChain(topic, partition, state.topic_id) for partition in sorted(present)), failures
