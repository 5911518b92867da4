"""What Pipes leaves in a run's folder."""

from typing import Any

from pinterest_platform.engines.databricks.pipes import Context
from pinterest_platform.engines.databricks.workspace import Folder


class Shared(Folder):
    """A folder that keeps what was written to it, under its path for the job."""

    def make(self) -> None:
        """It is there."""

    def write(self, name: str, body: bytes) -> None:
        files: Any = self.client
        assert f"{self.mounted}/{name}" not in files, "nothing is written twice"
        files[f"{self.mounted}/{name}"] = body


def test_two_who_ask_at_once_write_over_no_context_that_a_job_may_be_reading() -> None:
    files: Any = {}
    folder = Shared(files, "/Volumes/c/s/v", "token")
    asked: list[Any] = [{"run_id": "one"}, {"run_id": "two"}]
    found = []
    for data in asked:
        with Context(folder, unless=False).inject_context(data) as params:
            found.append(files[params["path"]])
    assert found == [b'{"run_id": "one"}', b'{"run_id": "two"}']
    with Context(folder, unless=True).inject_context(asked[0]):
        assert len(files) == 2
