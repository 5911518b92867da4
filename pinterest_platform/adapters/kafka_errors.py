"""Failures of Kafka clients, with the cause that librdkafka reports and the setting to check."""

import logging
import re
from typing import TYPE_CHECKING, Any

from pinterest_platform.adapters.clients import kafka_config
from pinterest_platform.failures import TIME_LIMIT_HINT, PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

_INFO = 6
"""librdkafka's log level at which it reports a connection that the broker closed."""

_PROTOCOL = "KAFKA_SECURITY_PROTOCOL"
_LOG_PREFIX = re.compile(r"^FAIL \[[^]]*\] \[thrd:[^]]*\]: ")
_DETAIL = re.compile(r"^(?:\S+://)?\S+: |\s*\(after \d+ms in state \w+(?:, \d+ identical [^)]*\(s\) suppressed)?\)")
_CONNECT = re.compile(r"^Connect to \S+ failed: ")
_BAD_CERTIFICATE = re.compile("certificate verify failed")
_SASL = re.compile("SASL|AUTH_HANDSHAKE")
_CLOSED = re.compile("Disconnected|closed by peer")
_HANGING = re.compile("ApiVersionRequest failed: Local: Timed out")
"""The error of a broker that accepts connections and does not respond, which names an old version as the cause."""
_WRONG_PROTOCOL = re.compile(r"SSL|requesting ApiVersion|APIVERSION_QUERY|security\.protocol")


class KafkaErrors(logging.Handler):
    """The last connection error of a client, and the failures that it leads to.

    librdkafka reports some errors to the error callback and others, such as a TLS listener that closes a plaintext
    connection, in its log only.

    Args:
        settings: brokers, security protocol and time limit.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._logger = logging.Logger("librdkafka")
        self._logger.addHandler(self)
        self._refused = False
        self.last_error = ""

    @property
    def service(self) -> str:
        """Kafka and its address, for messages."""
        return f"Kafka at {self._settings.kafka_bootstrap_servers}"

    def config(self) -> dict[str, Any]:
        """Return the configuration of a client that reports its errors here; raises as `kafka_config` does."""
        return kafka_config(self._settings) | {"error_cb": self.note, "logger": self._logger, "log_level": _INFO}

    def note(self, error: "KafkaError") -> None:
        """Keep an error of a client, except the one that only counts the brokers that are down."""
        from confluent_kafka import KafkaError

        if error.code() != KafkaError._ALL_BROKERS_DOWN and not _HANGING.search(error.str()):
            self._refused = error.code() == KafkaError._AUTHENTICATION
            self.last_error = error.str()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a connection error from the log of a client."""
        text, errors = _LOG_PREFIX.subn("", record.getMessage())
        if errors and not _HANGING.search(text):
            self.last_error = text

    def unreachable(self, task: str) -> PlatformFailure:
        """Return the failure of a broker that did not respond.

        Args:
            task: what the broker was to do, such as `describe topic x`.

        Returns:
            A PermanentFailure if the broker refused the SASL authentication, or if its certificate is not trusted,
            else a TransientFailure.
        """
        cause = _DETAIL.sub("", self.last_error).rstrip(".") or "no response"
        if f"{self._settings.kafka_bootstrap_servers}/" in self.last_error:  # the service names this broker
            cause = _CONNECT.sub("", cause)
        is_permanent = self._refused or _BAD_CERTIFICATE.search(self.last_error)
        kind = PermanentFailure if is_permanent else TransientFailure
        action = self._action()
        # The reason of a sensor's tick, and its alert, are without the action.
        protocol = f" with {_PROTOCOL}={self._settings.kafka_security_protocol}" if _PROTOCOL in action else ""
        seconds = f"{self._settings.io_timeout_seconds:g} s"
        return kind(f"{self.service} did not {task} within {seconds}{protocol}: {cause}.", action)

    def _action(self) -> str:
        protocol = f"{_PROTOCOL} is {self._settings.kafka_security_protocol}"
        if _BAD_CERTIFICATE.search(self.last_error):
            return f"{protocol}: install the CA certificate of the broker on this machine, then retry."
        if self._refused or _SASL.search(self.last_error):
            return f"{protocol}: check that the listener uses it, and check KAFKA_SASL_*."
        if _WRONG_PROTOCOL.search(self.last_error):
            return f"{protocol}, and the listener probably uses another one: set the protocol of the listener."
        if _CLOSED.search(self.last_error):
            return f"Start the broker; if it is running, its listener probably uses another protocol: {protocol}."
        return f"Start the broker or fix the network, then retry.{TIME_LIMIT_HINT}"
