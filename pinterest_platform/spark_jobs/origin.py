"""The origin of records, which decides how they are decoded and which columns they have."""

from dataclasses import dataclass
from typing import Self

from pyspark.sql.types import StringType, StructField, StructType

from pinterest_platform.catalog import Entity, Route, entity_named
from pinterest_platform.spark_jobs.parameters import CleanParameters, VerifyParameters
from pinterest_platform.transforms import cleaning, decoding
from pinterest_platform.transforms.schemas import cleaned_schema


@dataclass(frozen=True, slots=True)
class RecordOrigin:
    """The entity of records, and the topic or stream that they were landed from."""

    entity: Entity
    stream: str
    route: Route

    @classmethod
    def of(cls, parameters: CleanParameters | VerifyParameters) -> Self:
        """Return the origin that a job's parameters name."""
        return cls(entity_named(parameters.entity), parameters.stream, Route(parameters.route))

    @property
    def cleaned_schema(self) -> StructType:
        """The columns of the cleaned table."""
        return cleaned_schema(self.entity, self.route)

    @property
    def staged_schema(self) -> StructType:
        """The columns of staged rows: those of the cleaned table, then the other ones of `cleaning.clean`."""
        extra = (
            StructField(cleaning.UNREADABLE, cleaning.unreadable_type(self.entity)),
            StructField(decoding.REASON, StringType()),
            StructField(decoding.LINE, StringType()),
        )
        return StructType([*self.cleaned_schema.fields, *extra])
