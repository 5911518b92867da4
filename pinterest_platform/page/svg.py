"""The SVG of a chart, rebuilt from a short list of allowed elements.

pygal writes a script, a style sheet, ids, comments and tooltips into every chart. Only shapes, texts and class names
are copied; the style sheet of the page formats them, in light and in dark.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup, escape

from pinterest_platform.page.wording import readable

SHAPES = frozenset({"g", "rect", "path", "circle", "line", "text"})
ATTRIBUTES = ("class", "x", "y", "width", "height", "cx", "cy", "r", "d", "transform", "text-anchor")
DROPPED_CLASSES = frozenset({"tooltip-overlay", "background", "titles"})

_NUMBER = re.compile(r"-?\d+\.\d+")
_SERIES = re.compile(r"\bserie-(\d+)\b")


def picture(root: Any, form: str, label: str, series: Sequence[str] = ()) -> Markup:
    """Return the SVG element as markup.

    Args:
        root: the tree that `chart.render_tree()` returns.
        form: a class name, by which the style sheet recognises the form of the chart.
        label: the text for screen readers.
        series: names of the series, for the hints over their shapes; empty for a single series.
    """
    inside = Markup("").join(_node(child, series, "") for child in root)
    return Markup('<svg class="chart {}" role="img" aria-label="{}" viewBox="{}">{}</svg>').format(
        form, readable(label), root.get("viewBox"), inside
    )


def _node(node: Any, series: Sequence[str], name: str) -> Markup:
    tag = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
    classes = set((node.get("class") or "").split())
    if tag not in SHAPES or classes & DROPPED_CLASSES:
        return Markup("")
    number = _SERIES.search(node.get("class") or "")
    name = series[int(number.group(1))] if number and series else name
    content = Markup("").join(
        [escape(readable(node.text or "")), *_hint(node, name), *(_node(child, series, name) for child in node)]
    )
    if tag == "g" and not content:
        return content
    return Markup("<{0}{1}>{2}</{0}>").format(tag, Markup("").join(_attributes(node)), content)


def _attributes(node: Any) -> Iterator[Markup]:
    for key in ATTRIBUTES:
        value = node.get(key)
        if value:
            yield Markup(' {}="{}"').format(key, _NUMBER.sub(_rounded, value))


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number.group()):.1f}".removesuffix(".0")


def _hint(node: Any, name: str) -> Iterator[Markup]:
    texts = {(child.get("class") or ""): child.text for child in node if str(child.tag).endswith("desc")}
    if "value" in texts:
        names = ", ".join(filter(None, (texts.get("x_label"), name)))
        yield Markup("<title>{}</title>").format(readable(f"{names}: {texts['value']}"))
