"""The list of services; each comes after the services that it needs."""

from emulators.services import kafka, s3
from emulators.services.api_gateway.service import SERVICE as API_GATEWAY
from emulators.services.databricks.service import SERVICE as DATABRICKS
from emulators.services.kafka_rest.service import SERVICE as KAFKA_REST
from emulators.services.kinesis.service import SERVICE as KINESIS
from emulators.services.service import Service

SERVICES: tuple[Service, ...] = (kafka.SERVICE, s3.SERVICE, KINESIS, KAFKA_REST, API_GATEWAY, DATABRICKS)


def by_name(name: str) -> Service:
    """Return a service by its name; raises KeyError if there is none."""
    return {service.name: service for service in SERVICES}[name]
