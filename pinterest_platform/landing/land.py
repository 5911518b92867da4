"""Landing a topic: every partition, one epoch, exactly once (ARCHITECTURE "Landing exactly once")."""

import uuid
from collections.abc import Callable, Mapping

from pinterest_platform.entities import ADOPTED_PREFIX, TOPICS_PREFIX
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.history import History, read_history
from pinterest_platform.landing.model import LandedPartition, LandedTopic, LandingOptions, Progress
from pinterest_platform.landing.names import Chain, chains
from pinterest_platform.landing.partition import PartitionLander, Source
from pinterest_platform.landing.quarantine import sweep
from pinterest_platform.ports import ObjectStore, TopicLog, TopicState


def silent(_: str) -> None:
    """Say nothing: the progress of who does not ask for any."""


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
        progress: gets a line for each object landed.
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

    histories = _histories(store, topic, state, options, known or {}, unchanged)
    epoch = next((history.chain.epoch for history in histories.values()), None)
    bounds = {part.partition: part for part in state.partitions} if state is not None else {}
    landed: list[LandedPartition] = []
    failures: list[PermanentFailure] = []
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
    return LandedTopic(topic, state.topic_id if state else None, epoch, tuple(landed))


def _histories(
    store: ObjectStore,
    topic: str,
    state: TopicState | None,
    options: LandingOptions,
    known: Mapping[str, int],
    unchanged: Callable[[], None],
) -> dict[int, History]:
    """The chains to extend, by partition: the first epoch's, or those beside it of a topic made anew."""

    def read(chain: Chain) -> History:
        return read_history(store, chain, known.get(chain.app_id))

    stored = chains(store, topic, TOPICS_PREFIX, ADOPTED_PREFIX)
    present = {part.partition for part in state.partitions} if state else set[int]()
    first = present | {chain.partition for chain in stored if chain.epoch is None}
    histories = {partition: read(Chain(topic, partition)) for partition in first}
    if state is None:
        return histories
    others = {history.topic_id for history in histories.values()} - {state.topic_id, None}
    if not others:
        return histories
    unchanged()
    if options.new_epoch == "fail":
        raise PermanentFailure(
            f"{topic} was deleted and made anew: topic id {', '.join(sorted(map(str, others)))} was landed, "
            f"and the broker now has {state.topic_id}.",
            "Nothing was landed. To land the new topic beside the old one, set PINTEREST_NEW_EPOCH=land.",
        )
    return {partition: read(Chain(topic, partition, state.topic_id)) for partition in present}


def joined(failures: list[PermanentFailure]) -> PermanentFailure:
    """One failure that says what all of them do."""
    if len(failures) == 1:
        return failures[0]
    return PermanentFailure(
        " ".join(failure.what for failure in failures), " ".join({f.action: None for f in failures})
    )
