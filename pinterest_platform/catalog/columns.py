"""Report columns that several reports share."""

from pinterest_platform.catalog.model import ReportColumn

AGE_GROUPS: tuple[tuple[str, int, int], ...] = (
    ("18-24", 18, 24),
    ("25-35", 25, 35),
    ("36-50", 36, 50),
    ("+50", 51, 130),
)
"""Age groups with their first and last age, in reading order (rule R3)."""

COUNTRY = ReportColumn(
    name="country", type="string", heading="Country", description="Country of the posts.", sources=("geo.country",)
)
CATEGORY = ReportColumn(
    name="category",
    type="string",
    heading="Category",
    description="Category of the posts.",
    sources=("pin.category",),
)
POSTER = ReportColumn(
    name="poster_name",
    type="string",
    heading="Poster",
    description="Account that posted.",
    sources=("pin.poster_name",),
    pii=True,
)
AGE_GROUP = ReportColumn(
    name="age_group",
    type="string",
    heading="Age group",
    description="Age group of the users who posted (rule R3).",
    sources=("user.age",),
    values=tuple(name for name, _, _ in AGE_GROUPS),
    shown_as={"+50": "over 50"},
)
POST_YEAR = ReportColumn(
    name="post_year",
    type="int",
    heading="Year of post",
    description="Year of the posts, in UTC, from 2018 to 2022 (rule R7).",
    sources=("geo.timestamp",),
    format="year",
)
JOIN_YEAR = ReportColumn(
    name="join_year",
    type="int",
    heading="Year of joining",
    description="Year in which the users joined, in UTC, from 2015 to 2020 (rule R7).",
    sources=("user.date_joined",),
    format="year",
)
POSTS = ReportColumn(
    name="category_count",
    type="bigint",
    heading="Posts",
    description="Number of posts.",
    sources=("pin.ind",),
)
FOLLOWERS = ReportColumn(
    name="follower_count",
    type="bigint",
    heading="Followers",
    description="Most followers that the poster had at any post.",
    sources=("pin.follower_count",),
)
MEDIAN = ReportColumn(
    name="median_follower_count",
    type="double",
    heading="Median of followers",
    description="Exact median of the follower counts of the posts.",
    sources=("pin.follower_count",),
)
