"""Producing records, and waiting for the broker's response on each of them."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from emulators.services.kafka_rest.errors import KAFKA_ERROR, KAFKA_RETRIABLE_ERROR
from emulators.services.kafka_rest.requests import ProduceRecord

DELIVERY_SECONDS = 20
"""Delivery time-out: shorter than the gateway's time-out of this service."""

_SETTINGS: dict[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": 1,
    "message.timeout.ms": DELIVERY_SECONDS * 1000,
    "queue.buffering.max.kbytes": 64 * 1024,
    "topic.metadata.refresh.interval.ms": 10_000,
    "topic.metadata.propagation.max.ms": 5_000,
    "allow.auto.create.topics": False,
    "log_level": 3,
}

Result = dict[str, Any]
"""One entry of `offsets`: partition, offset, error_code, error."""


class _Batch:
    """The records of one request in flight.

    The poll thread counts delivered records, the event loop refused ones. The thread that counts the last record sees
    the complete sum, and settling twice is harmless.
    """

    __slots__ = ("delivered", "future", "refused", "results")

    def __init__(self, size: int, future: asyncio.Future[list[Result]]) -> None:
        self.results: list[Any] = [None] * size
        self.future = future
        self.delivered = 0
        self.refused = 0

    @property
    def complete(self) -> bool:
        return self.delivered + self.refused == len(self.results)

    def settle(self) -> None:
        if not self.future.done():
            self.future.set_result(self.results)


class Deliverer:
    """An idempotent producer with its poll thread; to be created in a running event loop.

    Args:
        bootstrap_servers: the broker.
        largest: largest record of the broker in bytes.
    """

    def __init__(self, bootstrap_servers: str, largest: int) -> None:
        self.producer = Producer({**_SETTINGS, "bootstrap.servers": bootstrap_servers, "message.max.bytes": largest})
        self._loop = asyncio.get_running_loop()
        self._finished: list[_Batch] = []
        self._open = True
        self._thread = threading.Thread(target=self._poll, name="deliveries", daemon=True)
        self._thread.start()

    async def deliver(self, topic: str, records: Sequence[ProduceRecord], to: int | None = None) -> list[Result]:
        """Produce records and return the broker's responses in the same order.

        Args:
            topic: an existing topic.
            records: the records.
            to: the partition of records that name none.
        """
        batch = _Batch(len(records), self._loop.create_future())
        for number, record in enumerate(records):
            target = to if record.partition is None else record.partition
            callback = partial(self._delivered, batch, number)
            refusal = await self._produce(topic, record, -1 if target is None else target, callback)
            if refusal is not None:
                batch.results[number] = refusal
                batch.refused += 1
        if batch.complete:
            batch.settle()
        return await batch.future

    def close(self) -> None:
        """Wait up to 5 s for records in flight, and end the thread."""
        self.producer.flush(5)
        self._open = False
        self._thread.join(5)

    async def _produce(self, topic: str, record: ProduceRecord, partition: int, callback: Any) -> Result | None:
        """Produce one record; -1 lets the producer choose the partition. Return the refusal, if any."""
        deadline = self._loop.time() + DELIVERY_SECONDS
        while True:
            try:
                self.producer.produce(topic, record.value, record.key, partition, callback)
            except BufferError:
                if self._loop.time() > deadline:
                    return _failed(KAFKA_RETRIABLE_ERROR, "The broker does not accept records fast enough")
                await asyncio.sleep(0.005)
            except KafkaException as error:
                return _refused(error.args[0])
            else:
                return None

    def _delivered(self, batch: _Batch, number: int, error: KafkaError | None, message: Any) -> None:
        if error is None:
            batch.results[number] = {
                "partition": message.partition(),
                "offset": message.offset(),
                "error_code": None,
                "error": None,
            }
        else:
            batch.results[number] = _refused(error)
        batch.delivered += 1
        if batch.complete:
            self._finished.append(batch)

    def _poll(self) -> None:
        while self._open:
            self.producer.poll(0.1)
            if self._finished:
                finished, self._finished = self._finished, []
                with contextlib.suppress(RuntimeError):  # the loop is closed: no request waits
                    self._loop.call_soon_threadsafe(_settle, finished)


def _settle(finished: list[_Batch]) -> None:
    for batch in finished:
        batch.settle()


_RETRIABLE = frozenset(
    {
        KafkaError._MSG_TIMED_OUT,  # pyright: ignore[reportPrivateUsage]
        KafkaError._TRANSPORT,  # pyright: ignore[reportPrivateUsage]
        KafkaError._ALL_BROKERS_DOWN,  # pyright: ignore[reportPrivateUsage]
        KafkaError._TIMED_OUT,  # pyright: ignore[reportPrivateUsage]
        KafkaError._UNKNOWN_TOPIC,  # pyright: ignore[reportPrivateUsage]
    }
)


def is_retriable(error: KafkaError) -> bool:
    """Return whether the same request may succeed later."""
    return error.retriable() or error.code() in _RETRIABLE


def _refused(error: KafkaError) -> Result:
    return _failed(KAFKA_RETRIABLE_ERROR if is_retriable(error) else KAFKA_ERROR, error.str())


def _failed(code: int, reason: str) -> Result:
    return {"partition": None, "offset": None, "error_code": code, "error": reason}
