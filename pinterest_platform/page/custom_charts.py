"""Charts that only one report needs; the catalog refers to them by address."""

from collections.abc import Mapping, Sequence
from typing import Any

from pinterest_platform.page.bar_charts import Bar, bar_chart
from pinterest_platform.page.svg_shapes import WIDTH, Picture, text_width
from pinterest_platform.page.wording import flat, share, short

MOST_COUNTS = 10

Rows = Sequence[Mapping[str, Any]]


def countries_by_followers(leading: Rows, posters: Rows) -> Picture:
    """Draw the follower counts of countries' most followed posters, and how many countries share each of them.

    Args:
        leading: the rows of the leading country.
        posters: the rows of the most followed poster of each country.
    """
    best = {str(row["country"]): row["follower_count"] for row in (*posters, *leading)}
    countries: dict[int, list[str]] = {}
    for country in sorted(best):
        countries.setdefault(best[country] or 0, []).append(country)
    counts = sorted(countries, reverse=True)
    bars = [
        Bar(
            f"{short(count)}: {_names(countries[count], WIDTH - text_width(f'{short(count)}: '))}",
            len(countries[count]),
            f"{len(countries[count]):,} · {share(len(countries[count]), len(best))}",
        )
        for count in counts[:MOST_COUNTS]
    ]
    note = f"The chart shows {MOST_COUNTS} of {len(counts):,} counts." if len(counts) > MOST_COUNTS else ""
    return Picture(bar_chart(bars, "Bar chart of the countries that share a follower count."), note)


def _names(countries: Sequence[str], width: float) -> str:
    """Return as many names as fit on one line, at least one, and the number of the others."""
    text = ""
    for number in range(len(countries), 0, -1):
        omitted = len(countries) - number
        text = ", ".join(map(flat, countries[:number])) + (f" and {omitted:,} more" if omitted else "")
        if text_width(text) <= width:
            break
    return text
