"""The S3 server: Adobe's S3Mock with its data in the home; one request at a time makes If-None-Match reliable."""

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

from emulators.failures import EmulatorFailure
from emulators.home import REGION, Home
from emulators.services import jars
from emulators.services.probes import expect_http
from emulators.services.service import Command, Service

_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "emulator", "AWS_SECRET_ACCESS_KEY": "emulator"}
"""S3Mock checks no signature, but clients need credentials to sign with."""

_LISTENER = """<?xml version="1.0" encoding="UTF-8"?>
<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans
    http://www.springframework.org/schema/beans/spring-beans.xsd">
  <bean class="org.springframework.beans.factory.config.MethodInvokingBean">
    <property name="targetObject" ref="httpConnector"/>
    <property name="targetMethod" value="setProperty"/>
    <property name="arguments"><list><value>address</value><value>127.0.0.1</value></list></property>
  </bean>
  <bean id="localOnly" class="org.apache.catalina.valves.rewrite.RewriteValve"/>
  <bean class="org.springframework.beans.factory.config.PropertyOverrideConfigurer">
    <property name="location" value="file:overrides.properties"/>
  </bean>
</beans>
"""
"""Beans in addition to S3Mock's own: its second listener on this machine only, and a guard before all requests."""

_OVERRIDES = "webServerFactory.engineValves=#{{localOnly}}\n"
"""Sets a property of S3Mock's bean; in a file of its own, so that Spring evaluates the expression late."""

_RULES = """\
RewriteCond %{HTTP_HOST} !^(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]+)?$ [NC]
RewriteRule .* - [F]
RewriteCond %{HTTP:Origin} !^$
RewriteCond %{HTTP:Origin} !^https?://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]+)?$ [NC]
RewriteRule .* - [F]
"""
"""Rules of Tomcat's RewriteValve: foreign Hosts and Origins are forbidden; S3Mock would allow any web page to write."""


def endpoint(home: Home) -> str:
    """Return the address for clients."""
    return f"http://127.0.0.1:{home.port('s3')}"


def _command(home: Home) -> Command:
    folder = home.root / "s3"
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    move_incomplete_aside(data, folder / "broken")
    _write_settings(folder)
    arguments = (
        *(jars.java(), "-Xms128m", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError"),
        "-Djava.io.tmpdir=tmp",
        jars.quick_start(),
        *("-jar", jars.s3_jar()),
        # S3Mock checks and then writes: conditional writes have exactly one winner only with a single worker.
        "--server.tomcat.threads.max=1",
        "--server.tomcat.threads.min-spare=1",
        "--server.tomcat.basedir=tomcat",
        # A client that stops in the middle of a request blocks the only worker for this time.
        "--server.tomcat.connection-timeout=10s",
        "--server.ssl.enabled=false",
        "--server.address=127.0.0.1",
        f"--server.port={home.port('s3')}",
        # S3Mock always opens a second listener: on a free port, bound to 127.0.0.1 by listener.xml.
        "--http.port=0",
        "--spring.main.sources=file:listener.xml",
        "--spring.main.banner-mode=off",
        "--com.adobe.testing.s3mock.store.root=data",
        "--com.adobe.testing.s3mock.store.retain-files-on-exit=true",
        f"--com.adobe.testing.s3mock.store.region={REGION}",
    )
    return Command(arguments, folder)


def _write_settings(folder: Path) -> None:
    """Write the server's configuration, and empty its temporary folders."""
    for temporary in ("tmp", "tomcat"):
        shutil.rmtree(folder / temporary, ignore_errors=True)
    (folder / "tmp").mkdir()
    (folder / "listener.xml").write_text(_LISTENER)
    (folder / "overrides.properties").write_text(_OVERRIDES)
    rules = folder / "tomcat" / "conf" / "Tomcat" / "rewrite.config"  # the path is Tomcat's
    rules.parent.mkdir(parents=True)
    rules.write_text(_RULES)


def move_incomplete_aside(data: Path, aside: Path) -> list[Path]:
    """Move object folders that a killed server left incomplete out of its data folder.

    One folder with an empty or truncated objectMetadata.json can make every request fail. Only an upload that was
    never acknowledged leaves such a folder.

    Args:
        data: the server's data folder: bucket folders with one folder per object.
        aside: the target folder.

    Returns:
        The new paths of the moved folders.
    """
    targets: list[Path] = []
    for folder in data.glob("*/*-*-*-*-*/"):  # objects have random UUIDs as names
        if not _is_complete(folder / "objectMetadata.json"):
            target = aside / f"{time.time_ns()}-{folder.parent.name}-{folder.name}"
            aside.mkdir(exist_ok=True)
            shutil.move(folder, target)
            targets.append(target)
    return targets


def _is_complete(metadata: Path) -> bool:
    try:
        return isinstance(json.loads(metadata.read_bytes()), dict)
    except (ValueError, FileNotFoundError):
        return False


def client(home: Home) -> Any:
    """Return a boto3 client of this home's server."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint(home),
        region_name=REGION,
        aws_access_key_id=_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(connect_timeout=5, read_timeout=20, proxies={}, s3={"addressing_style": "path"}),
    )


def _probe(home: Home) -> None:
    expect_http(endpoint(home) + "/", contains=b"ListAllMyBucketsResult")


def _provide(home: Home) -> None:
    """Create the bucket if it is missing."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        s3 = client(home)
        if home.bucket not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=home.bucket)
    except (BotoCoreError, ClientError) as error:
        raise EmulatorFailure(
            f"Bucket {home.bucket} could not be created on {endpoint(home)}: {error}.",
            f"Check {home.logs / 's3.log'}, then run `up` again.",
        ) from None


def client_variables(home: Home) -> dict[str, str]:
    """Return the variables of every client of this home's S3, jobs of the emulated cluster among them."""
    return {
        "AWS_ENDPOINT_URL": endpoint(home),
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        **_CREDENTIALS,
    }


def _variables(home: Home) -> dict[str, str]:
    return {**client_variables(home), "PINTEREST_BUCKET": home.bucket}


SERVICE = Service(
    name="s3",
    ports=("s3",),
    url=endpoint,
    command=_command,
    probe=_probe,
    provide=_provide,
    variables=_variables,
    progress=re.compile("Tomcat|WebApplicationContext|Loading existing bucket|Loaded "),
)
