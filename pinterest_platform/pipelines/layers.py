"""The layers of each route: the first part of the keys of its assets."""

from collections.abc import Mapping

from pinterest_platform.catalog import Route

RAW_LAYERS: Mapping[Route, str] = {Route.KAFKA: "raw", Route.KINESIS: "raw_stream"}
"""The layers of landed objects."""

CLEANED_LAYERS: Mapping[Route, str] = {Route.KAFKA: "cleaned", Route.KINESIS: "cleaned_stream"}
"""The layers of cleaned tables."""
