"""The contents of a home, and its lookup."""

import stat
from pathlib import Path

import pytest

from emulators import ports
from emulators.failures import EmulatorFailure
from emulators.home import DEFAULT_USER_ID, Home, bucket_of, private_files
from emulators.services.registry import SERVICES
from emulators.services.supervision import Supervisor


def test_the_option_overrides_the_variable_and_that_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PINTEREST_HOME", raising=False)
    assert Home.find().root == tmp_path / ".platform"
    monkeypatch.setenv("PINTEREST_HOME", "by-variable")
    assert Home.find().root == tmp_path / "by-variable"
    assert Home.find(str(tmp_path / "x" / ".." / "by-option")).root == tmp_path / "by-option"


def test_identity_and_key_are_created_once_and_the_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    home, other = Home(tmp_path / "a"), Home(tmp_path / "b")
    for opened_home in (home, other, home):
        opened_home.prepare(None)

    key, cluster = home.api_key, home.cluster_id
    home.prepare(None)

    assert (home.api_key, home.cluster_id, home.user_id) == (key, cluster, DEFAULT_USER_ID)
    assert key != other.api_key
    assert cluster != other.cluster_id
    assert stat.S_IMODE((home.root / "api_key").stat().st_mode) == 0o600
    assert (home.dagster / "dagster.yaml").is_file()


def modes(folder: Path) -> set[str]:
    """The permissions of group and others in a folder, by path; empty if there are none."""
    paths = [folder, *folder.rglob("*")]
    return {f"{path} {path.stat().st_mode & 0o777:o}" for path in paths if path.stat().st_mode & 0o077}


def test_a_new_home_is_accessible_to_its_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "above" / "home")
    with private_files():
        home.prepare(None)
        (home.root / "data").write_text("")
    assert modes(home.root) == set()


def test_an_existing_home_becomes_private_with_its_contents(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o644)
    home = Home(tmp_path / "home")
    data = home.root / "kafka" / "data"
    data.mkdir(parents=True)
    (data / "log").write_text("kept")
    (data / "link").symlink_to(outside)
    (data / "run.sh").touch()
    for path, mode in ((home.root, 0o755), (data, 0o775), (data / "log", 0o664), (data / "run.sh", 0o755)):
        path.chmod(mode)
    with private_files():
        home.prepare(None)
    (data / "link").unlink()
    assert modes(home.root) == set()
    assert (data / "log").read_text() == "kept"
    assert stat.S_IMODE((data / "run.sh").stat().st_mode) == 0o700
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_a_user_id_once_given_is_kept(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare("someone_Else")
    home.prepare(None)
    assert (home.user_id, home.bucket) == ("someone_Else", "user-someone-else-bucket")


@pytest.mark.parametrize("user_id", ["a b", "a/b", "ü", "x" * 52, "a.b"])
def test_a_user_id_without_valid_names_is_rejected_and_not_kept(tmp_path: Path, user_id: str) -> None:
    home = Home(tmp_path)
    with pytest.raises(EmulatorFailure, match="PINTEREST_USER_ID"):
        home.prepare(user_id)
    assert not home.exists


def test_the_longest_user_id_still_gives_a_valid_bucket() -> None:
    assert len(bucket_of("x" * 51)) <= 63


def test_a_home_that_was_never_up_is_reported_with_the_next_step(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for ask in (lambda: home.user_id, lambda: home.api_key, lambda: home.port("kafka")):
        with pytest.raises(EmulatorFailure, match="python -m emulators up --home"):
            ask()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare(None)
    (tmp_path / "home.json").write_text("{")
    with pytest.raises(EmulatorFailure, match=r"home\.json is damaged"):
        _ = home.user_id


def test_an_unwritable_home_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmulatorFailure, match="cannot be written"):
        Home(tmp_path / "file" / "home").prepare(None)


def test_chosen_ports_are_kept_and_only_new_names_get_new_ones(tmp_path: Path) -> None:
    home = Home(tmp_path)
    ports.choose_ports(home)
    chosen = home.ports()
    names = {name for service in SERVICES for name in service.ports}
    assert chosen.keys() == names
    assert len(set(chosen.values())) == len(names)

    home.keep_ports({name: port for name, port in chosen.items() if name != "s3"})
    ports.choose_ports(home)

    assert {name: port for name, port in home.ports().items() if name != "s3"} == {
        name: port for name, port in chosen.items() if name != "s3"
    }
    assert "s3" in home.ports()


def test_a_deep_home_gets_a_socket_with_a_short_path(tmp_path: Path) -> None:
    shallow, deep = Supervisor(Home(Path("/tmp/h"))), Supervisor(Home(tmp_path / ("d" * 100)))
    assert str(shallow.socket) == "/tmp/h/run/supervisord.sock"
    assert len(str(deep.socket)) <= 100
    assert deep.socket != Supervisor(Home(tmp_path / ("d" * 101))).socket
