"""The output of a job is kept in bounded space."""

from pathlib import Path

from emulators.services.databricks.output import SHOWN, Output


def test_clients_get_the_end_and_little_more_is_kept(tmp_path: Path) -> None:
    output = Output(tmp_path / "output")
    assert output.end() == ("", False)
    block = b"x" * 1_000_003
    for number in range(23):
        output.append(block + b"%02d" % number)
    shown, cut = output.end()
    assert (len(shown), cut) == (SHOWN, True)
    assert shown.endswith("x22")
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 2 * (SHOWN + len(block) + 2)


def test_invalid_utf8_is_replaced(tmp_path: Path) -> None:
    output = Output(tmp_path / "output")
    output.append(b"\xff\xfe\x00ok")
    assert output.end() == ("\ufffd\ufffd\x00ok", False)
