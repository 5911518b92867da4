"""The Kafka broker: a real one, with broker and controller in one process and its data in the home."""

import re
import subprocess
from typing import Any

from emulators.entities import ENTITIES
from emulators.failures import EmulatorFailure
from emulators.home import Home
from emulators.services import jars
from emulators.services.service import Command, Service, Unhealthy

PARTITIONS = 3
LARGEST_BATCH = 4 * 1024 * 1024 + 64 * 1024
"""Largest batch in bytes: a record of 4 MiB with its headers and its frame."""

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=data
num.partitions={partitions}
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
delete.topic.enable=true
# The time of arrival, set by the broker: it never decreases along a partition.
log.message.timestamp.type=LogAppendTime
# Retention deletes nothing.
log.retention.ms=-1
log.retention.bytes=-1
message.max.bytes={largest}
replica.fetch.max.bytes={largest}
log.segment.bytes=268435456
num.recovery.threads.per.data.dir=2
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=8388608
# After a kill the controller waits this long for the previous broker session to end.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
"""

_LOGGING = """\
status=error
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %p %m (%c{1})%n
rootLogger.level=INFO
rootLogger.appenderRef.console.ref=console
"""

_HEAP = ("-Xms256m", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")


def bootstrap_servers(home: Home) -> str:
    """Return the address for clients."""
    return f"127.0.0.1:{home.port('kafka')}"


def topics(home: Home) -> list[str]:
    """Return the home's three topics (rule N2)."""
    return [f"{home.user_id}.{entity}" for entity in ENTITIES]


def _command(home: Home) -> Command:
    folder = home.root / "kafka"
    folder.mkdir(exist_ok=True)
    (folder / "server.properties").write_text(
        _PROPERTIES.format(
            broker=home.port("kafka"),
            controller=home.port("kafka_controller"),
            partitions=PARTITIONS,
            largest=LARGEST_BATCH,
        )
    )
    (folder / "log4j2.properties").write_text(_LOGGING)
    java = (
        jars.java(),
        *_HEAP,
        "-Dlog4j2.configurationFile=log4j2.properties",
        jars.quick_start(),
        "-cp",
        jars.kafka_class_path(),
    )
    if not (folder / "data" / "meta.properties").is_file():
        _format(home, java)
    return Command((*java, "kafka.Kafka", "server.properties"), folder)


def _format(home: Home, java: tuple[str, ...]) -> None:
    """Format the broker's data folder; a folder that a killed start left incomplete is completed."""
    arguments = ("format", "--cluster-id", home.cluster_id, "--config", "server.properties", "--ignore-formatted")
    process = subprocess.run(
        [*java, "kafka.tools.StorageTool", *arguments],
        cwd=home.root / "kafka",
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        last = (process.stderr or process.stdout).strip().splitlines()[-1:] or ["no output"]
        raise EmulatorFailure(
            f"Kafka's data folder {home.root / 'kafka'} cannot be formatted: {last[0]}.", "Delete it."
        )


def _admin(home: Home) -> Any:
    from confluent_kafka.admin import AdminClient

    settings = {"bootstrap.servers": bootstrap_servers(home), "log_level": 0, "socket.timeout.ms": 5000}
    return AdminClient(settings, logger=None)


def _probe(home: Home) -> None:
    from confluent_kafka import KafkaException

    try:
        cluster = _admin(home).list_topics(timeout=2).cluster_id
    except KafkaException as error:
        raise Unhealthy(f"no response on {bootstrap_servers(home)} ({error.args[0].str()})") from None
    if cluster != home.cluster_id:
        raise Unhealthy(f"another Kafka cluster responds on {bootstrap_servers(home)}")


def _provide(home: Home) -> None:
    """Create the topics that are missing."""
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import NewTopic  # pyright: ignore[reportPrivateImportUsage]

    config = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(LARGEST_BATCH)}
    admin = _admin(home)  # kept in a variable: its futures fail when it is deleted
    present = admin.list_topics(timeout=20).topics
    missing = [NewTopic(topic, PARTITIONS, 1, config=config) for topic in topics(home) if topic not in present]
    if not missing:
        return
    for topic, creation in admin.create_topics(missing, operation_timeout=20).items():
        try:
            creation.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise EmulatorFailure(
                    f"Topic {topic} could not be created on {bootstrap_servers(home)}: {error.args[0].str()}.",
                    f"Check {home.logs / 'kafka.log'}, then run `up` again.",
                ) from None


SERVICE = Service(
    name="kafka",
    ports=("kafka", "kafka_controller"),
    url=bootstrap_servers,
    command=_command,
    probe=_probe,
    provide=_provide,
    variables=lambda home: {"KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers(home)},
    progress=re.compile(r"[Rr]ecover|LogLoader|Load(?:ed|ing) .*(?:log|producer state)|Completed load of log"),
)
