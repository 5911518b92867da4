"""The alert rules, the dashboard and the documentation use the metrics that exist, with their labels."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pinterest_platform.metrics.names import METRICS
from pinterest_platform.metrics.runs import JOBS

DOCS = Path(__file__).parents[2] / "docs"
LABELS = {metric.sample_name: set(metric.labels) for metric in METRICS}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DOCS / "prometheus-rules.yaml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return json.loads((DOCS / "grafana-dashboard.json").read_text("utf-8"))["panels"]


def queries() -> Iterator[tuple[str, str]]:
    """Yield each query with the texts in which its labels are shown."""
    for rule in rules():
        yield rule["expr"], " ".join(rule["annotations"].values())
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]


def metrics_in(text: str) -> set[str]:
    return set(re.findall(r"\bpinterest_[a-z_]+\b", text))


def test_rules_and_dashboard_use_only_metrics_that_exist() -> None:
    for query, _ in queries():
        assert metrics_in(query) <= LABELS.keys(), query
        assert metrics_in(query), query


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for panel in panels() for target in panel["targets"] for name in metrics_in(target["expr"])}
    assert shown == LABELS.keys()


def test_rules_and_dashboard_use_only_labels_that_exist() -> None:
    for query, texts in queries():
        labels = set.union(*(LABELS[name] for name in metrics_in(query)))
        used = set(re.findall(r"\{\{ ?(?:\$labels\.)?([a-z]+) ?\}\}", texts))
        for grouping in re.findall(r"(?:by|on) \(([^)]*)\)", query):
            used |= {label.strip() for label in grouping.split(",")}
        for selector in re.findall(r"(?<!\{)\{([^{}]+)\}", query):
            used |= set(re.findall(r"([a-z]+)=", selector))
        assert used <= labels, query


def test_jobs_of_queries_exist() -> None:
    named = {job for query, _ in queries() for job in re.findall(r'job="([^"]*)"', query)}
    assert named and named <= set(JOBS)


def test_each_rule_names_a_severity_and_an_action() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"] and rule["annotations"]["action"]


def test_the_document_lists_every_metric() -> None:
    text = (DOCS / "metrics.md").read_text("utf-8")
    assert set(re.findall(r"`(pinterest_[a-z_]+)`", text)) == LABELS.keys()
