"""The documents name only what is there: files, headings, make targets, variables, jobs and commands."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

from emulators.cli import main as emulators_main
from pinterest_platform.cli.app import main as pinterest_main
from pinterest_platform.definitions import defs

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RECORDS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def _anchors(path: Path) -> set[str]:
    """Anchors of a document's headings, as the hosting site makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        document = (path.parent / name).resolve() if name else path
        assert document.exists(), f"{target} does not exist"
        assert not anchor or anchor in _anchors(document), f"{target}: no such heading"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_and_variables_that_documents_name_are_there(path: Path) -> None:
    text = path.read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    sources = [*(ROOT / "pinterest_platform").rglob("*.py"), *(ROOT / "emulators").rglob("*.py")]
    code = "\n".join(source.read_text("utf-8") for source in sources)
    for name in set(re.findall(r"\b(?:PINTEREST|KAFKA)_[A-Z_]*[A-Z]\b", text)):
        assert name in code, f"{name} is read nowhere"


_COMMANDS = {
    re.compile(r"python -m emulators ([a-z][a-z-]*)(.*)"): emulators_main,
    re.compile(r"python -m pinterest_platform\.cli ([a-z][a-z-]*)(.*)"): pinterest_main,
    re.compile(r"(?<![\w-])pinterest ([a-z][a-z-]*)(.*)"): pinterest_main,
}


def _code(text: str) -> list[str]:
    """Return the lines of a document's code blocks, and its code in sentences."""
    blocks = re.findall(r"^ *```[a-z]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    sentences = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [*"\n".join(blocks).replace("\\\n", " ").splitlines(), *re.findall(r"`([^`\n]+)`", sentences)]


def _problems(line: str) -> list[str]:
    """Return the commands and options of a line that do not exist."""
    problems: list[str] = []
    for pattern, group in _COMMANDS.items():
        for name, arguments in pattern.findall(line):
            command = group.get_command(click.Context(group), name)
            if command is None:
                problems.append(f"no command {name}: {line}")
                continue
            options = {option for parameter in command.params for option in parameter.opts}
            own = re.split(r" -- |[|;#)]", arguments)[0]
            named = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", own))
            problems += [f"no option {option}: {line}" for option in sorted(named - options - {"-h", "--help"})]
    return problems


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_options_and_jobs_that_documents_name_are_there(path: Path) -> None:
    lines = _code(path.read_text("utf-8"))
    assert [problem for line in lines for problem in _problems(line)] == []
    jobs = {job.name for job in defs.resolve_all_job_defs()}
    named = {job for line in lines for job in re.findall(r"dagster job execute .*-j ([a-z_]+)", line)}
    assert named <= jobs


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("python -m emulators up", 0),
        ("python -m emulators begin", 1),
        ("python -m emulators post --route kafka --row 3", 1),
        ("python -m emulators exec --posting -- dagster dev -h 127.0.0.1", 0),
        ('eval "$(.venv/bin/python -m emulators env --nothing)"', 1),
        (".venv/bin/pinterest rows pin --limit 3 | head -2", 0),
        (".venv/bin/pinterest rows pin --last 3", 1),
        ("python -m pinterest_platform.cli report", 1),
        ("python -m pinterest_platform.spark_jobs clean --remote sc://x", 0),
    ],
)
def test_commands_and_options_that_do_not_exist_are_recognised(line: str, count: int) -> None:
    assert len(_problems(line)) == count


@pytest.mark.parametrize("name", ["tutorial.md", "how-to/outages.md"])
def test_each_step_is_an_action_and_a_result(name: str) -> None:
    """A step is a sentence, perhaps a command, and a sentence with the result."""
    text = (ROOT / "docs" / name).read_text("utf-8")
    steps = re.split(r"^([0-9]+)\. ", text.partition("\n## Next")[0], flags=re.MULTILINE)[1:]
    assert [int(number) for number in steps[::2]] == list(range(1, len(steps) // 2 + 1))
    for step in steps[1::2]:
        own = "\n".join(line for line in step.split("\n")[1:] if line.startswith("    "))
        plain = re.sub(r" *```.*?```| *<!--.*?-->", "", own, flags=re.DOTALL)
        assert plain.strip(), step


def test_each_screenshot_that_documents_show_is_taken() -> None:
    shown = {name for path in DOCUMENTS for name in re.findall(r"<!-- screenshot ([a-z-]+): ", path.read_text("utf-8"))}
    script = (ROOT / "docs" / "site" / "screenshots.py").read_text("utf-8")
    assert shown == set(re.findall(r'(?:take\(page, |^        \()"([a-z-]+)"', script, re.MULTILINE))


def test_the_glossary_is_in_order() -> None:
    terms = re.findall(r"^- \*\*(.*?)\*\*: ", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE)
    assert len(terms) > 30
    assert terms == sorted(terms)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_decision_records_are_short_numbered_and_listed(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 40
    assert text.startswith(f"# {path.stem[:4]} ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert f"({path.name})" in (path.parent / "README.md").read_text("utf-8")


def test_the_numbers_of_decision_records_have_no_holes() -> None:
    assert [int(path.stem[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_nothing_written_names_a_path_of_one_machine() -> None:
    for path in [*DOCUMENTS, ROOT / ".env.example"]:
        assert not re.search(r"/(?:work|home|root|Users|tmp)/", path.read_text("utf-8")), path


def test_the_picture_of_the_layers_is_the_rule_that_is_checked() -> None:
    picture = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("flowchart TD")[2].partition("```")[0]
    drawn = [set(label.split(", ")) for label in re.findall(r'\["([^"]+)"\]', picture)]
    assert drawn == [set(re.findall(r"\w+", layer)) for layer in _import_rules()[0]["layers"]]


@pytest.mark.parametrize(("statement", "forbidden"), [("may import Dagster", "dagster"), ("a Kafka client", "boto3")])
def test_every_package_may_import_a_library_by_the_architecture_or_is_checked_not_to(
    statement: str, forbidden: str
) -> None:
    lines = (ROOT / "docs" / "architecture.md").read_text("utf-8").splitlines()
    [line] = [line for line in lines if statement in line]
    allowed = set(re.findall(r"`(\w+)`", line.partition("(")[0]))
    rules = [rule for rule in _import_rules() if forbidden in rule.get("forbidden_modules", [])]
    checked = {module.partition(".")[2] for rule in rules for module in rule["source_modules"]}
    packages = {package for layer in _import_rules()[0]["layers"] for package in re.findall(r"\w+", layer)}
    assert (checked | allowed, checked & allowed) == (packages, set())


def _import_rules() -> list[dict[str, Any]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]


def _templates() -> set[str]:
    """Return every text of the platform's code, with … for each value."""
    texts: set[str] = set()
    for source in (ROOT / "pinterest_platform").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(source.read_text("utf-8"))))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in (node for node in nodes if id(node) not in docstrings):
            if isinstance(node, ast.JoinedStr):
                texts.add("".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    return texts


def _first_cells(heading: str) -> list[str]:
    """Return the first cells of the table under a heading of docs/operating.md."""
    text = (ROOT / "docs" / "operating.md").read_text("utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)[1:]


def _messages() -> list[str]:
    """Return the messages that docs/operating.md explains, with … for each value."""
    rows = _first_cells("What failures mean")
    # The names of these services are values of the messages.
    return [re.sub(r"^(?:Kafka at|Kinesis) …", "…", message) for row in rows for message in row.split("; ")]


def test_the_messages_that_are_explained_are_in_the_code() -> None:
    messages, templates = _messages(), _templates()
    assert len(messages) > 30
    patterns = {message: re.compile(".*?".join(map(re.escape, message.split("…"))), re.DOTALL) for message in messages}
    assert [message for message, pattern in patterns.items() if not any(map(pattern.search, templates))] == []


def test_every_check_has_a_next_step() -> None:
    documented = {name for cell in _first_cells("Red checks") for name in re.findall(r"`([a-z_]+)`", cell)}
    documented -= {"audit"}  # the job of two of them
    assert documented == {key.name for key in defs.resolve_asset_graph().asset_check_keys}


def test_every_job_has_a_time() -> None:
    documented = {name for cell in _first_cells("What runs when") for name in re.findall(r"`([a-z_]+)`", cell)}
    assert documented == {job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")}
