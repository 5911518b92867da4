"""Users who joined by year (rule R17)."""

from pinterest_platform.catalog.charts import Chart
from pinterest_platform.catalog.columns import JOIN_YEAR
from pinterest_platform.catalog.model import Report, ReportColumn

REPORT = Report(
    key="users_joined_by_year",
    order=7,
    title="Users who joined by year",
    meaning="The number of distinct users who joined in each year.",
    reads=("user",),
    columns=(
        JOIN_YEAR,
        ReportColumn(
            name="number_users_joined",
            type="bigint",
            heading="Users who joined",
            description="Number of distinct users (name, age and time of joining).",
            sources=("user.user_name", "user.age", "user.date_joined"),
        ),
    ),
    rows="pinterest_platform.transforms.reports:users_joined_by_year",
    chart=Chart(
        form="columns",
        value="number_users_joined",
        labels=("join_year",),
        description="Column chart of users who joined, by year.",
        caption="Distinct users by year of joining.",
    ),
)
