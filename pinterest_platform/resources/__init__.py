"""Adapters to the outside systems, and the one place that picks among them."""

from collections.abc import Mapping


def build() -> Mapping[str, object]:
    """All resources by the name under which assets ask for them; each reads the settings when a run first uses it."""
    from pinterest_platform.resources import wiring

    settings, alerting = wiring.SettingsResource(), wiring.AlertSettingsResource()
    return {
        "settings": settings,
        "alerting": alerting,
        "topics": wiring.KafkaResource(settings=settings),
        "shards": wiring.KinesisResource(settings=settings),
        "objects": wiring.ObjectStoreResource(settings=settings),
        "lake": wiring.LakeResource(settings=settings),
        "engine": wiring.SparkResource(settings=settings),
        "provisioner": wiring.ProvisioningResource(settings=settings),
        "notifier": wiring.NotifierResource(alerting=alerting),
    }
