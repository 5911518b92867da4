"""DBFS, volumes and workspace files, and paths that lead out of them."""

import base64
import io
import urllib.parse
import uuid
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.errors.platform import AlreadyExists, DatabricksError
from databricks.sdk.service.workspace import ExportFormat, ImportFormat

from pinterest_platform_tests.emulators.services.databricks.server import Server, wheel
from pinterest_platform_tests.emulators.services.databricks.test_api import send

BYTES = bytes(range(256)) * 40 + b"\r\n--boundary\r\n\r\n" + "Ä🙂".encode()
VOLUME = "/Volumes/main/default/pinterest"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def fresh() -> str:
    return f"it's {uuid.uuid4().hex} ü"


def test_dbfs_returns_the_uploaded_bytes(workspace: WorkspaceClient) -> None:
    folder = f"/tmp/{fresh()}"
    workspace.dbfs.mkdirs(folder)
    workspace.dbfs.put(f"{folder}/a.json", contents=encoded(BYTES))
    large = BYTES * 300
    workspace.dbfs.upload(f"dbfs:{folder}/deep/large", io.BytesIO(large))

    assert base64.b64decode(workspace.dbfs.read(f"{folder}/a.json").data) == BYTES
    assert base64.b64decode(workspace.dbfs.read(f"{folder}/a.json", offset=10, length=5).data) == BYTES[10:15]
    assert workspace.dbfs.download(f"{folder}/deep/large").read() == large
    assert workspace.dbfs.read(f"{folder}/deep/large").bytes_read == 512 * 1024
    status = workspace.dbfs.get_status(f"dbfs:{folder}/deep/large")
    assert (status.path, status.file_size, status.is_dir) == (f"{folder}/deep/large", len(large), False)
    assert {entry.path for entry in workspace.dbfs.list(folder, recursive=True)} == {
        f"{folder}/a.json",
        f"{folder}/deep/large",
    }
    workspace.dbfs.move(f"{folder}/a.json", f"{folder}/b.json")
    assert not workspace.dbfs.exists(f"{folder}/a.json")
    workspace.dbfs.delete(folder, recursive=True)
    workspace.dbfs.delete(folder + "/gone")
    with pytest.raises(NotFound, match="No file or directory exists"):
        workspace.dbfs.get_status(folder)


def test_dbfs_has_the_services_errors(workspace: WorkspaceClient) -> None:
    path = f"/tmp/{fresh()}/file"
    workspace.dbfs.put(path, contents=encoded(b"1"))
    with pytest.raises(ResourceAlreadyExists):
        workspace.dbfs.put(path, contents=encoded(b"2"))
    workspace.dbfs.put(path, contents=encoded(b"3"), overwrite=True)
    assert base64.b64decode(workspace.dbfs.read(path).data) == b"3"
    for wrong in (encoded(b"x" * (1024 * 1024 + 1)), "no base64!"):
        with pytest.raises(BadRequest):
            workspace.dbfs.put(path, contents=wrong, overwrite=True)
    with pytest.raises(BadRequest):
        workspace.dbfs.read(path, length=1024 * 1024 + 1)
    with pytest.raises(DatabricksError, match="recursive"):
        workspace.api_client.do("POST", "/api/2.0/dbfs/delete", body={"path": path.rpartition("/")[0]})
    with pytest.raises(ResourceAlreadyExists):
        workspace.dbfs.mkdirs(path)
    with pytest.raises(NotFound):
        workspace.api_client.do("POST", "/api/2.0/dbfs/add-block", body={"handle": 1, "data": ""})


def test_a_file_that_is_not_closed_does_not_exist(workspace: WorkspaceClient) -> None:
    path = f"/tmp/{fresh()}"
    created = workspace.api_client.do("POST", "/api/2.0/dbfs/create", body={"path": path})
    assert isinstance(created, dict)
    handle = created["handle"]
    workspace.api_client.do("POST", "/api/2.0/dbfs/add-block", body={"handle": handle, "data": encoded(b"half")})
    assert not workspace.dbfs.exists(path)
    workspace.api_client.do("POST", "/api/2.0/dbfs/close", body={"handle": handle})
    assert base64.b64decode(workspace.dbfs.read(path).data) == b"half"


def test_volumes_return_the_uploaded_bytes(workspace: WorkspaceClient) -> None:
    folder = f"{VOLUME}/{fresh()}%20#?"
    files = workspace.files
    files.create_directory(f"{folder}/a/b")
    files.upload(f"{folder}/a/b/x.json", io.BytesIO(BYTES), overwrite=True)
    files.upload(f"{folder}/a/empty", io.BytesIO(b""))

    assert files.download(f"{folder}/a/b/x.json").contents.read() == BYTES
    assert files.get_metadata(f"{folder}/a/b/x.json").content_length == len(BYTES)
    files.get_directory_metadata(f"{folder}/a")
    listed = {entry.name: (entry.is_directory, entry.path) for entry in files.list_directory_contents(f"{folder}/a")}
    assert listed == {"b": (True, f"{folder}/a/b"), "empty": (False, f"{folder}/a/empty")}
    pages = files.list_directory_contents(f"{folder}/a", page_size=1)
    assert [entry.name for entry in pages] == ["b", "empty"]
    with pytest.raises(AlreadyExists):
        files.upload(f"{folder}/a/b/x.json", io.BytesIO(b""), overwrite=False)
    with pytest.raises(BadRequest, match="not empty"):
        files.delete_directory(f"{folder}/a")
    files.delete(f"{folder}/a/b/x.json")
    files.delete_directory(f"{folder}/a/b")
    for read in (lambda: files.download(f"{folder}/a/b/x.json"), lambda: files.get_directory_metadata(f"{folder}/a/b")):
        with pytest.raises(NotFound):
            read()


def test_a_volume_must_exist(workspace: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match=r"main\.default\.other"):
        workspace.files.upload("/Volumes/main/default/other/x", io.BytesIO(b""))
    with pytest.raises(BadRequest):
        workspace.files.delete_directory(VOLUME)


def test_the_workspace_keeps_wheels_unchanged(workspace: WorkspaceClient) -> None:
    content = wheel({"tiny_job.py": ""})
    folder = f"/Workspace/Shared/{fresh()}"
    workspace.workspace.mkdirs(folder)
    path = f"{folder}/tiny_job-1.0-py3-none-any.whl"
    workspace.workspace.upload(path, io.BytesIO(content), format=ImportFormat.AUTO)

    assert workspace.workspace.download(path).read() == content
    assert base64.b64decode(workspace.workspace.export(path, format=ExportFormat.AUTO).content) == content
    status = workspace.workspace.get_status(path)
    assert (status.path, status.size) == (path.removeprefix("/Workspace"), len(content))
    assert [entry.path for entry in workspace.workspace.list(folder)] == [path.removeprefix("/Workspace")]
    with pytest.raises(ResourceAlreadyExists):
        workspace.workspace.upload(path, content, format=ImportFormat.AUTO)
    workspace.workspace.import_(path, content=encoded(BYTES), format=ImportFormat.RAW, overwrite=True)
    assert workspace.workspace.download(path).read() == BYTES
    with pytest.raises(DatabricksError, match="not empty"):
        workspace.workspace.delete(folder)
    workspace.workspace.delete(folder, recursive=True)
    with pytest.raises(NotFound):
        workspace.workspace.get_status(path)


def test_an_upload_needs_its_folder_and_a_file_format(workspace: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match="parent folder"):
        workspace.workspace.upload("/Shared/no/such/x", b"", format=ImportFormat.AUTO)
    with pytest.raises(DatabricksError, match=r"ImportFormat\.AUTO"):
        workspace.workspace.upload("/Shared/x.whl", b"")


@pytest.mark.parametrize("invalid", ["/../x", "/a/../../x", "/./x", "x", "/a\0b", "/" + "n" * 300, "/" + "a/" * 3000])
def test_no_path_leads_out(shared: Server, invalid: str) -> None:
    path = urllib.parse.quote(invalid, safe="")
    for call in (
        f"GET /api/2.0/dbfs/read?path={path}",
        f"GET /api/2.0/dbfs/list?path=dbfs:{path}",
        f"GET /api/2.0/workspace/export?path=/Workspace{path}",
        f"GET /api/2.0/fs/files{VOLUME}{path}",
        f"PUT /api/2.0/fs/files{VOLUME}{path}",
        f"PUT /api/2.0/fs/directories{VOLUME}{path}",
        f"GET /api/2.0/fs/files/Volumes/..{path}",
    ):
        method, address = call.split(" ", 1)
        status, content = send(shared.url + address, method, b"x" if method == "PUT" else None)
        assert status in (400, 404), (call, status, content)
    assert not (shared.folder / "data" / "files" / "x").exists()
    assert not (shared.folder / "x").exists()


def test_a_link_out_of_the_workspace_is_rejected(shared: Server, workspace: WorkspaceClient, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (shared.folder / "data" / "files" / "dbfs" / "link").symlink_to(tmp_path)
    with pytest.raises(PermissionDenied, match="leads out"):
        workspace.dbfs.read("/link/secret")
    (shared.folder / "data" / "files" / "dbfs" / "circle").symlink_to("circle")
    with pytest.raises(BadRequest):
        workspace.dbfs.read("/circle/x")
