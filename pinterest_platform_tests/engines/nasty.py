"""Records on which engines differ, and a few that Hypothesis generates."""

from collections.abc import Mapping, Sequence

from pinterest_platform.catalog import ENTITIES
from pinterest_platform_tests import strategies
from pinterest_platform_tests.spark_fixtures import as_json, lines

PICKED: Mapping[str, Sequence[bytes]] = {
    "pin": [
        rb'{"index":1,"title":1.50,"description":-0,"poster_name":1E3,"tag_list":1e3,"category":"art"}',
        rb'{"index":2,"title":-0.0,"description":12345678901234567890,"follower_count":1.50,"category":true}',
        rb'{"index":3,"title":1.0000000000000000000001,"tag_list":1.5e300,"follower_count":1e3,"image_src":1e-7}',
        rb'{"index":4,"ti\u0074le":2.50,"description":"a \"1.50\" \\","x":{"title":7.70,"y":[1.10]},"poster_name":0}',
        rb'{"index":-0,"title":"\u0000\u0001\u0002\u001f\u007f\u0085","description":"\u0001\"1.50\\","poster_name":3.10}',
        '{"index":5,"title":"\u00a0naïve 🎨𝔘 \u2028\u2029 x\u3000","category":" art ","poster_name":"Ünï"}'.encode(),
        rb'{"index":6,"title":"\ud83c\udfa8 \u00e9 e\u0301","follower_count":"9223372036854775807","category":"art"}',
        rb'{"index":7,"follower_count":"9223372036.8547758074B","category":"art","poster_name":"Big"}',
        rb'{"index":8,"follower_count":"9223372036854775808","category":"beauty","poster_name":"User Info Error"}',
        rb'{"index":9,"follower_count":"1,234.5k","title":"","save_location":"Local save in  /data/a b "}',
        rb'{"index":"010","title":"No Title Data Available","image_src":"Image src error","follower_count":"0.0005k"}',
        rb'{"index":"-0","title":"the same key as a bare -0, and newer","follower_count":12}',
        rb'{"index":13.0,"title":"an integer"}',
        rb'{"index":"9007199254740993.0","title":1E400,"follower_count":1E400}',
        rb'{"index":1.3e1,"title":"newer"}',
        rb'{"index":9223372036854775807.0,"title":"the greatest long"}',
        rb'{"index":1.5,"title":"no integer"}',
        rb'{"index":9223372036854775808,"title":"no long"}',
        b'{"index":"21.0","x":' + b"[" * 5000 + b"]" * 5000 + b',"title":"deep","category":1.50}',
        b'{"index":22,"x":' + b'{"index":[' * 90 + b"]}" * 90 + rb',"title":"less deep","poster_name":"a \\ \" b"}',
        b'{"index":23,"title":' + b"7" * 400 + b',"x":0.' + b"1" * 1200 + b"}",
        b'{"index":24,"x":1e999,"title":[]}',
        b'{"index":25,"x":1e999,"title":"one","title":"two"}',
        rb'{"index":11,"title":{"a":1}}',
        rb'{"index":12,"title":"one","title":"two"}',
    ],
    "geo": [
        rb'{"ind":1,"latitude":89.99999999999999,"longitude":-179.10,"country":"Peru","timestamp":"2018-01-01T00:00:00"}',
        rb'{"ind":2,"latitude":-0.0,"longitude":1e1,"country":"Peru","timestamp":"2022-12-31 23:59:59.999999"}',
        rb'{"ind":3,"latitude":33.333333333333336,"longitude":5e-324,"timestamp":"0001-01-01"}',
        rb'{"ind":4,"latitude":"+5.","longitude":".5","timestamp":"9999-12-31T23:59:59.9999999"}',
        rb'{"ind":5,"latitude":90.0000001,"longitude":"NaN","timestamp":"2021-02-30 00:00:00","country":"Chad"}',
        rb'{"ind":6,"latitude":"1e400","longitude":0,"timestamp":"2020-03-29T02:30:00+05:30","country":"Chad"}',
        rb'{"ind":7,"latitude":1,"timestamp":"1582-10-10 12:00:00","country":" Chad"}',
        '{"ind":8,"latitude":"٣","longitude":"1","timestamp":"1899-12-31T23:59:59Z","country":"Åland"}'.encode(),
        rb'{"ind":9,"latitude":"0x1p3","longitude":"1d","timestamp":"2021-07-26 24:00:00","country":null}',
        rb'{"ind":0,"latitude":"1","longitude":"2","timestamp":1627270346,"country":"Peru"}',
        rb'{"ind":[1]}',
        b'{"ind":1E1,"latitude":1E400,"longitude":' + b"1" * 400 + b',"country":"Peru"}',
    ],
    "user": [
        rb'{"ind":1,"first_name":" Ann ","last_name":"\u00a0","age":24,"date_joined":"2015-01-01"}',
        rb'{"ind":2,"first_name":1.50,"last_name":true,"age":"+50","date_joined":"2020-12-31T23:59:60"}',
        rb'{"ind":3,"first_name":null,"last_name":"Bo","age":3.0,"date_joined":"2016-02-29T12:00:00-18:00"}',
        rb'{"ind":4,"first_name":"","age":131,"date_joined":"2017-10-01 00:00"}',
        rb'{"ind":5,"first_name":"Ann","age":"0130","date_joined":"2017-10-01T00:00:00.1234567+00:00"}',
        rb'{"ind":6,"age":2147483648,"date_joined":"soon"}',
        rb'{"ind":7,"first_name":"Ann","age":51,"date_joined":"2017-10-01T00:00:00.123456Z"}',
        rb'{"ind":0,"first_name":"Ann","age":18,"date_joined":"2016-12-31T23:30:00-01:00"}',
        rb'{"ind":""}',
        rb'{"ind":9,"first_name":"Ann","age":25.0,"date_joined":1e999}',
        rb'{"ind":1E1,"age":"2.5e1"}',
        rb'{"ind":11,"age":1E400}',
    ],
}  # fmt: skip


def loads(generated: int) -> list[dict[str, list[bytes]]]:
    """Return two loads of raw lines, the second with newer values for keys of the first.

    Args:
        generated: the number of records per entity that Hypothesis generates.
    """
    first: dict[str, list[bytes]] = {}
    second: dict[str, list[bytes]] = {}
    for entity in ENTITIES:
        drawn = [as_json(value) for value in strategies.drawn(strategies.posts(entity.name), generated)]
        posted = [*PICKED[entity.name], *drawn]
        half = len(posted) // 2
        first[entity.name] = lines(posted[:half])
        name = entity.key_field.encode()
        newer = [b'{"%s":%d,"%s":"newer"}' % (name, key, field) for key, field in ((1, b"title"), (2, b"country"))]
        second[entity.name] = lines([*posted[half:], *posted[: half // 2], *newer], start=half)
    return [first, second]
