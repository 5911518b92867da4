"""The time and place of a post."""

from pinterest_platform.catalog.model import Column, Entity, Field, Headline, Time

ENTITY = Entity(
    name="geo",
    order=2,
    description="The time, country and coordinates of a post.",
    key_field="ind",
    fields=(
        Field("ind", number="bigint"),
        Field("timestamp", reader="pinterest_platform.transforms.reading:timestamp"),
        Field("latitude", reader="pinterest_platform.transforms.reading:latitude", number="double"),
        Field("longitude", reader="pinterest_platform.transforms.reading:longitude", number="double"),
        Field("country"),
    ),
    columns=(
        Column(name="ind", type="bigint", description="Key of the post.", nullable=False, unique=True),
        Column(name="country", type="string", description="Country of the post, in long form."),
        Column(
            name="coordinates",
            type="array<double>",
            description="Latitude and longitude of the post, in degrees (rule C14).",
            sources=("latitude", "longitude"),
            rule="pinterest_platform.transforms.reading:coordinates",
            constraint="latitude from -90 to 90, longitude from -180 to 180",
            pii=True,
        ),
        Column(name="timestamp", type="timestamp", description="Time of the post, in UTC (rule C9)."),
    ),
    time=Time("timestamp", "Posts made"),
    headlines=(Headline("Countries", ("country",)),),
)
