"""What a task brings along: wheels are unpacked into a folder of its own, named packages have to be installed here."""

import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from emulators.services.databricks.errors import ApiError
from emulators.services.databricks.model import Run, Task
from emulators.services.databricks.storage import Storage

_MOST_BYTES = 2 * 1024**3
"""What all files of a wheel may come to."""


class NotInstallable(Exception):
    """A library cannot be had; the text says which one, and why."""


def of(run: Run, task: Task) -> list[str]:
    """The wheels and requirements of a task, as text.

    Raises:
        NotInstallable: one is of a kind that cannot be had here.
    """
    key = task.given.get("environment_key")
    if key is not None:
        specs = {each["environment_key"]: each.get("spec") or {} for each in run.given.get("environments") or []}
        return list(specs.get(key, {}).get("dependencies") or [])
    return [_named(library) for library in task.given.get("libraries") or []]


def install(wanted: list[str], storage: Storage, folder: Path) -> None:
    """Put the wheels into a folder, and see to it that the packages are there.

    Args:
        wanted: paths of wheels, and requirements.
        storage: where the wheels are.
        folder: where they go; it is made.

    Raises:
        NotInstallable: one of them cannot be had.
    """
    folder.mkdir(parents=True)
    for library in wanted:
        if library.endswith(".whl"):
            _unpack(library, storage, folder)
        else:
            _look_for(library)


def _named(library: dict[str, Any]) -> str:
    if isinstance(library.get("whl"), str):
        return library["whl"]
    package = library.get("pypi")
    if isinstance(package, dict) and isinstance(package.get("package"), str):
        return package["package"]
    raise NotInstallable(f"{library}: only wheels and PyPI packages can be installed in this workspace.")


def _unpack(path: str, storage: Storage, folder: Path) -> None:
    try:
        wheel = storage.anywhere(path)
        with zipfile.ZipFile(wheel) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                raise NotInstallable(f"{path}: the wheel is too large.")
            archive.extractall(folder)  # which lets no name lead out of the folder
    except (ApiError, zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise NotInstallable(f"{path}: {error}") from None


def _look_for(text: str) -> None:
    try:
        wanted = Requirement(text)
        found = version(wanted.name)
    except InvalidRequirement as error:
        raise NotInstallable(f"{text}: {error}") from None
    except PackageNotFoundError:
        raise NotInstallable(
            f"{text}: it is not installed where the workspace runs, and nothing is downloaded."
        ) from None
    if not wanted.specifier.contains(found, prereleases=True):
        raise NotInstallable(f"{text}: version {found} is installed where the workspace runs.")
