"""The files that Pipes writes to the folder of a run."""

from typing import Any

from pinterest_platform.engines.databricks.pipes import ContextInjector, JoinedContextInjector
from pinterest_platform.engines.databricks.workspace import Folder


class Shared(Folder):
    """A folder in memory; the files have their paths for the job."""

    def create(self) -> None:
        """Do nothing."""

    def write(self, name: str, body: bytes) -> None:
        files: Any = self.client
        assert f"{self.mounted}/{name}" not in files, "no file is overwritten"
        files[f"{self.mounted}/{name}"] = body


def test_concurrent_submitters_do_not_overwrite_a_context_that_a_job_reads() -> None:
    files: Any = {}
    folder = Shared(files, "/Volumes/c/s/v", "token")
    contexts: list[Any] = [{"run_id": "one"}, {"run_id": "two"}]
    written_contexts = []
    for data in contexts:
        with ContextInjector(folder).inject_context(data) as params:
            written_contexts.append(files[params["path"]])
    assert written_contexts == [b'{"run_id": "one"}', b'{"run_id": "two"}']
    with JoinedContextInjector(folder).inject_context(contexts[0]):
        assert len(files) == 2
