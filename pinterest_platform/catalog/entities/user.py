"""The user who made a post."""

from pinterest_platform.catalog.model import Column, Entity, Field, Headline, Time

ENTITY = Entity(
    name="user",
    order=3,
    description="The user who made a post.",
    key_field="ind",
    fields=(
        Field("ind", number="bigint"),
        Field("first_name"),
        Field("last_name"),
        Field("age", reader="pinterest_platform.transforms.reading:age", number="bigint"),
        Field("date_joined", reader="pinterest_platform.transforms.reading:timestamp"),
    ),
    columns=(
        Column(name="ind", type="bigint", description="Key of the post.", nullable=False, unique=True),
        Column(
            name="user_name",
            type="string",
            description="First and last name (rule C16).",
            sources=("first_name", "last_name"),
            rule="pinterest_platform.transforms.reading:user_name",
            pii=True,
        ),
        Column(
            name="age",
            type="bigint",
            description="Age in whole years (rule C17).",
            minimum=0,
            maximum=130,
            pii=True,
        ),
        Column(
            name="date_joined",
            type="timestamp",
            description="Time at which the user joined, in UTC (rule C9).",
            pii=True,
        ),
    ),
    time=Time("date_joined", "Users joined"),
    headlines=(Headline("Users", ("user_name", "age", "date_joined")),),
)
