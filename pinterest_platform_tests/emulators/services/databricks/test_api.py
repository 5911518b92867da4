"""The token, and the form of errors."""

import urllib.error
import urllib.request

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied

from emulators.services.databricks.options import CLUSTER_ID, USER
from pinterest_platform_tests.emulators.services.databricks.server import TOKEN, Server, client
from pinterest_platform_tests.emulators.services.serving import post


def send(url: str, method: str = "GET", body: bytes | None = None, token: str | None = TOKEN) -> tuple[int, bytes]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with opener.open(request, timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_token_identifies_the_user(workspace: WorkspaceClient) -> None:
    assert workspace.current_user.me().user_name == USER


def test_every_call_requires_the_token(shared: Server) -> None:
    for path in ("/api/2.0/preview/scim/v2/Me", "/api/2.2/jobs/runs/list", "/api/2.0/fs/files/Volumes/a/b/c/d", "/x"):
        assert send(shared.url + path, token=None)[0] == 401
        assert send(shared.url + path, token=TOKEN + "x")[0] == 403
    for wrong in ("wrong", "é", TOKEN[:-1]):
        assert send(shared.url + "/api/2.1/clusters/list", token=wrong.encode().decode("latin1"))[0] == 403


def test_the_sdk_reports_a_wrong_token_as_such(shared: Server) -> None:
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        client(shared.url, "wrong").current_user.me()
    with pytest.raises(urllib.error.HTTPError) as error:
        post(f"{shared.url}/api/2.2/jobs/runs/submit", b"{}", {})
    assert error.value.code == 401


def test_the_address_of_a_run_is_a_page_without_secrets(shared: Server) -> None:
    status, page = send(shared.url + "/?o=0", token=None)
    assert status == 200
    assert b"emulated" in page
    assert TOKEN.encode() not in page


def test_an_unsupported_operation_is_reported(shared: Server, workspace: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match=r"No API found for 'GET /api/2\.2/jobs/list'"):
        list(workspace.jobs.list())
    assert b"ENDPOINT_NOT_FOUND" in send(shared.url + "/nowhere")[1]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff", b'{"run_id": 1}{'])
def test_a_body_that_is_not_a_json_object_is_rejected(shared: Server, body: bytes) -> None:
    status, content = send(f"{shared.url}/api/2.2/jobs/runs/cancel", "POST", body)
    assert status == 400
    assert b"MALFORMED_REQUEST" in content


@pytest.mark.parametrize("number", [b'"x"', b"-1", b"1.5", b"true", b"null", b"99999999999999999999", b"[]"])
def test_an_invalid_run_id_is_rejected(shared: Server, number: bytes) -> None:
    status, content = send(f"{shared.url}/api/2.2/jobs/runs/cancel", "POST", b'{"run_id": %s}' % number)
    assert status == 400
    assert b"INVALID_PARAMETER_VALUE" in content


def test_there_are_no_controls_by_default(shared: Server) -> None:
    assert send(shared.url + "/_faults", "POST", b"{}")[0] == 404


def test_clusters_are_created_started_and_terminated(workspace: WorkspaceClient) -> None:
    assert workspace.clusters.get(CLUSTER_ID).state.value == "RUNNING"
    cluster_id = workspace.clusters.create(spark_version="17.3.x-scala2.13", num_workers=1).response.cluster_id
    workspace.clusters.ensure_cluster_is_running(cluster_id)
    assert {CLUSTER_ID, cluster_id} <= {cluster.cluster_id for cluster in workspace.clusters.list()}
    workspace.clusters.delete(cluster_id)
    assert workspace.clusters.get(cluster_id).state.value == "TERMINATED"
    workspace.clusters.permanent_delete(cluster_id)
    with pytest.raises(NotFound, match="does not exist"):
        workspace.clusters.get(cluster_id)
