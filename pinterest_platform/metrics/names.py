"""The names, labels and meanings of all metrics; alert rules and dashboards use only these names."""

from dataclasses import dataclass

_PARTITION = ("route", "stream", "partition")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Attributes:
        name: its name, without the suffix `_total` of a counter.
        meaning: its meaning, in one sentence.
        labels: the names of its labels.
        is_counter: whether it is a counter; else it is a gauge.
    """

    name: str
    meaning: str
    labels: tuple[str, ...]
    is_counter: bool = False

    @property
    def sample_name(self) -> str:
        """The name of its samples, as queries use it."""
        return f"{self.name}_total" if self.is_counter else self.name


SOURCE_UP = Metric(
    "pinterest_source_up",
    "1 if a source was read, 0 if it was not: then its metrics have no values.",
    ("source", "name"),
)
END = Metric("pinterest_end_position", "The first offset after the committed end; Kafka only.", _PARTITION)
LANDED = Metric(
    "pinterest_landed_position",
    "The next offset to land; for Kinesis, the number of landed objects.",
    _PARTITION,
)
CLEANED = Metric(
    "pinterest_cleaned_position",
    "The next offset to clean; for Kinesis, the number of cleaned objects.",
    _PARTITION,
)
UNLANDED = Metric("pinterest_unlanded_records", "Offsets that are not landed; Kafka only.", _PARTITION)
UNCLEANED = Metric(
    "pinterest_uncleaned_records",
    "Landed records that are not cleaned; no value above 200 objects.",
    _PARTITION,
)
LANDING_LAG = Metric(
    "pinterest_landing_lag_seconds",
    "Age of the oldest record that is not landed, 0 without any.",
    _PARTITION,
)
CLEANING_LAG = Metric(
    "pinterest_cleaning_lag_seconds",
    "Age of the oldest record that is not in the table, 0 without any.",
    _PARTITION,
)
HEADROOM = Metric(
    "pinterest_retention_headroom_seconds",
    "Time until the oldest record that is not landed exceeds the retention time, 0 if one has.",
    _PARTITION,
)
QUARANTINED = Metric(
    "pinterest_quarantined_records",
    "Records that landing quarantined, by reason; 0 for a known one without any.",
    ("route", "stream", "reason"),
    is_counter=True,
)
REJECTED = Metric(
    "pinterest_rejected_records",
    "Records that cleaning rejected, by reason; 0 for a known one without any.",
    ("route", "stream", "reason"),
    is_counter=True,
)
TABLE_ROWS = Metric("pinterest_table_rows", "Rows of a Delta table.", ("table",))
TABLE_VERSION = Metric("pinterest_table_version", "The newest version of a Delta table.", ("table",))
TABLE_FILES = Metric("pinterest_table_files", "Data files of the newest version of a Delta table.", ("table",))
JOB_SUCCESS = Metric(
    "pinterest_job_last_success_timestamp_seconds",
    "The end of the last successful run of a job.",
    ("job",),
)
JOB_FAILURE = Metric(
    "pinterest_job_last_failure_timestamp_seconds",
    "The end of the last failed run of a job.",
    ("job",),
)
JOB_DURATION = Metric(
    "pinterest_job_last_duration_seconds",
    "The duration of the last successful run of a job.",
    ("job",),
)
LEDGER_DIFFERENCE = Metric(
    "pinterest_ledger_difference_offsets",
    "Offsets that the last ledger does not account for; below 0, offsets accounted for twice.",
    (),
)
LEDGER_TIME = Metric("pinterest_ledger_timestamp_seconds", "The time of the last ledger that read objects.", ())
LEDGER_CHECK = Metric(
    "pinterest_ledger_check_passed",
    "1 if a check of the ledger passed when it last ran, 0 if it failed as an error, no value if as a warning.",
    ("check",),
)

METRICS = (
    SOURCE_UP,
    END,
    LANDED,
    CLEANED,
    UNLANDED,
    UNCLEANED,
    LANDING_LAG,
    CLEANING_LAG,
    HEADROOM,
    QUARANTINED,
    REJECTED,
    TABLE_ROWS,
    TABLE_VERSION,
    TABLE_FILES,
    JOB_SUCCESS,
    JOB_FAILURE,
    JOB_DURATION,
    LEDGER_DIFFERENCE,
    LEDGER_TIME,
    LEDGER_CHECK,
)
