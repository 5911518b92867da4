"""The options that all commands share, and the outside systems that a command reads."""

from collections.abc import Callable
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Literal

import click

from pinterest_platform import settings as environment
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog, TopicTimes
from pinterest_platform.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

Form = Literal["text", "json", "csv"]
"""The form in which a command prints."""


class Platform:
    """The outside systems of the platform; each is connected when it is first used.

    Args:
        settings: addresses and credentials.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def topics(self) -> TopicLog:
        """The topics of the Kafka cluster."""
        from pinterest_platform.adapters.kafka import KafkaTopicLog

        return KafkaTopicLog(self.settings)

    @cached_property
    def times(self) -> TopicTimes:
        """The times of the topics' records."""
        from pinterest_platform.adapters.kafka_times import KafkaTopicTimes

        return KafkaTopicTimes(self.settings)

    @cached_property
    def shards(self) -> ShardLog:
        """The shards of the Kinesis streams."""
        from pinterest_platform.adapters.kinesis import KinesisShardLog

        return KinesisShardLog(self.settings)

    @cached_property
    def objects(self) -> ObjectStore:
        """The bucket."""
        from pinterest_platform.adapters.s3 import S3ObjectStore

        return S3ObjectStore(self.settings)

    @cached_property
    def time_limited_objects(self) -> ObjectStore:
        """The bucket, for a command that a user waits for: all its calls together end within the time limit of one."""
        from pinterest_platform.adapters.time_limited_reader import TimeLimitedReader

        return TimeLimitedReader(self.settings)

    @cached_property
    def lake(self) -> Lake:
        """The Delta tables."""
        from pinterest_platform.delta.lake import DeltaLake

        return DeltaLake(self.settings)

    @cached_property
    def instance(self) -> "DagsterInstance":
        """The Dagster instance of DAGSTER_HOME; raises PermanentFailure if there is none."""
        from dagster import DagsterError, DagsterInstance

        try:
            return DagsterInstance.get()
        except DagsterError as error:
            raise PermanentFailure(
                f"The Dagster instance cannot be opened: {' '.join(str(error).split())}",
                "Set DAGSTER_HOME to the folder of the instance, with its dagster.yaml.",
            ) from None


class Session:
    """One call of a command: the options that all commands share, and the platform.

    Args:
        home: the value of `--home`; None if it was not given.
        form: the form in which the command prints.
        connect: function from the settings to the platform.
    """

    def __init__(self, home: str | None, form: Form, connect: Callable[[Settings], Platform]) -> None:
        self.form: Form = form
        self._home = home
        self._connect = connect
        self._io_seconds: float | None = None

    def limit_io_seconds(self, seconds: float) -> None:
        """Limit the time in which each outside system must respond, if the setting allows more."""
        self._io_seconds = seconds

    @cached_property
    def settings(self) -> Settings:
        """The settings of the environment; `--home` overrides PINTEREST_HOME."""
        settings = environment.load()
        changes: dict[str, Any] = {} if self._home is None else {"home": self._home}
        if self._io_seconds is not None:
            changes["io_timeout_seconds"] = min(settings.io_timeout_seconds, self._io_seconds)
        return settings.model_copy(update=changes)

    @property
    def home(self) -> str:
        """The home, even if other settings are wrong."""
        return environment.load_home() if self._home is None else self._home

    @cached_property
    def platform(self) -> Platform:
        """The outside systems."""
        return self._connect(self.settings)


def with_session(*forms: Form) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the shared options to a command; it gets their values as a `Session`, its first argument.

    Args:
        forms: the forms in which the command can print, in addition to text.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.pass_context
        @wraps(command)
        def call(context: click.Context, /, home: str | None, **arguments: Any) -> Any:
            chosen: list[Form] = [form for form in forms if arguments.pop(f"as_{form}")]
            if len(chosen) > 1:
                raise click.UsageError("Choose one of --json and --csv.")
            return command(Session(home, chosen[0] if chosen else "text", context.obj or Platform), **arguments)

        for form in reversed(forms):
            call = click.option(f"--{form}", f"as_{form}", is_flag=True, help=f"Print {form.upper()}.")(call)
        return click.option(
            "--home",
            metavar="DIR",
            help="The home; else PINTEREST_HOME, else .platform. It does not choose the services.",
        )(call)

    return decorate
