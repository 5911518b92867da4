"""Landing options from settings and run config."""

import pytest

from pinterest_platform.catalog import PIN
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.options import AcceptedLoss
from pinterest_platform.pipelines.options import stream_options, topic_options
from pinterest_platform.settings import Settings

SETTINGS = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "x:1", "PINTEREST_USER_ID": "u"})
STREAM, SHARD = "streaming-u-pin", "shardId-000000000000"


def test_a_loss_of_an_unknown_stream_is_refused() -> None:
    assert stream_options(SETTINGS, [f"{STREAM}/{SHARD}:7"]).accept_losses == (AcceptedLoss(STREAM, SHARD, 7),)
    with pytest.raises(PermanentFailure, match="names stream streaming-v-pin, but the platform lands streaming-u-pin"):
        stream_options(SETTINGS, [f"streaming-v-pin/{SHARD}:7"])


def test_a_gap_of_another_topic_is_refused() -> None:
    with pytest.raises(PermanentFailure, match=r"accept_gap names topic u\.geo, but this asset lands u\.pin"):
        topic_options(PIN, SETTINGS, ["u.geo/0:1-2"])


def test_new_epoch_of_the_run_config_wins_over_the_setting() -> None:
    landing = SETTINGS.model_copy(update={"new_epoch": "land"})
    assert topic_options(PIN, landing).new_epoch == "land"
    assert topic_options(PIN, landing, [], "fail").new_epoch == "fail"
    with pytest.raises(PermanentFailure, match="new_epoch is 'ignore'"):
        topic_options(PIN, SETTINGS, [], "ignore")
