"""Libraries of a task: wheels are unpacked into the task's folder, packages must be installed in this environment."""

import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from emulators.services.databricks.errors import ApiError
from emulators.services.databricks.model import Run, Task
from emulators.services.databricks.storage import Storage

_MOST_BYTES = 2 * 1024**3
"""Largest total size of a wheel's files."""


class NotInstallable(Exception):
    """A library that cannot be installed; the text names it and the reason."""


def of(run: Run, task: Task) -> list[str]:
    """Return the wheels and requirements of a task, as text.

    Raises:
        NotInstallable: the kind of a library is not supported.
    """
    key = task.given.get("environment_key")
    if key is not None:
        specs = {
            environment["environment_key"]: environment.get("spec") or {}
            for environment in run.given.get("environments") or []
        }
        return list(specs.get(key, {}).get("dependencies") or [])
    return [_named(library) for library in task.given.get("libraries") or []]


def install(libraries: list[str], storage: Storage, folder: Path) -> None:
    """Unpack the wheels into a folder, and check that the packages are installed.

    Args:
        libraries: paths of wheels, and requirements.
        storage: the workspace's files.
        folder: the target folder, which is created.

    Raises:
        NotInstallable: a library is missing or broken.
    """
    folder.mkdir(parents=True)
    for library in libraries:
        if library.endswith(".whl"):
            _unpack(library, storage, folder)
        else:
            _require(library)


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
            archive.extractall(folder)  # rejects names that lead out of the folder
    except (ApiError, zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise NotInstallable(f"{path}: {error}") from None


def _require(text: str) -> None:
    try:
        requirement = Requirement(text)
        installed = version(requirement.name)
    except InvalidRequirement as error:
        raise NotInstallable(f"{text}: {error}") from None
    except PackageNotFoundError:
        raise NotInstallable(
            f"{text}: not installed in the workspace's environment, and nothing is downloaded."
        ) from None
    if not requirement.specifier.contains(installed, prereleases=True):
        raise NotInstallable(f"{text}: version {installed} is installed in the workspace's environment.")
