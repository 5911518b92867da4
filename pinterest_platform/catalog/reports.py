"""The reports and the tables that each reads."""

from pinterest_platform.catalog.entities.geo import ENTITY as GEO
from pinterest_platform.catalog.entities.pin import ENTITY as PIN
from pinterest_platform.catalog.entities.user import ENTITY as USER
from pinterest_platform.catalog.model import Entity

REPORT_SOURCES: dict[str, tuple[Entity, ...]] = {
    "popular_category_by_country": (PIN, GEO),
    "posts_by_category_and_year": (PIN, GEO),
    "top_poster_by_country": (PIN, GEO),
    "top_country_by_followers": (PIN, GEO),
    "popular_category_by_age_group": (PIN, USER),
    "median_followers_by_age_group": (PIN, USER),
    "users_joined_by_year": (USER,),
    "median_followers_by_join_year": (PIN, USER),
    "median_followers_by_join_year_and_age_group": (PIN, USER),
}
"""The nine reports, in the order in which SPEC 7 lists them, and the tables that each reads."""

REPORT_KEYS: tuple[str, ...] = tuple(REPORT_SOURCES)
