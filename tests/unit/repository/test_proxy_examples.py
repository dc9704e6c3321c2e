"""The proxies' configurations close idle connections before the service does."""

import re
from typing import Any

import yaml

from entrypoints.settings import Settings
from tests.support.processes import REPOSITORY

EXAMPLES = REPOSITORY / "examples"
DEPLOYMENT = REPOSITORY / "docs" / "deployment.md"
SERVICE_SECONDS = Settings.keep_alive_seconds
#: Go's http.DefaultTransport, which Traefik's forwardAuth uses as it is.
TRAEFIK_SECONDS = 90


def seconds(text: str, name: str) -> list[int]:
    """Each time that a directive of this name is given, in seconds."""
    return [int(value) for value in re.findall(rf"^\s*{name} (\d+)s;?$", text, re.MULTILINE)]


def test_nginx_does() -> None:
    for document in (EXAMPLES / "nginx" / "vetassist.conf", DEPLOYMENT):
        text = document.read_text()
        upstreams = re.findall(r"^upstream vetassist \{(.*?)^\}", text, re.MULTILINE | re.DOTALL)
        (given,) = (seconds(upstream, "keepalive_timeout") for upstream in upstreams)
        assert given
        assert all(value < SERVICE_SECONDS for value in given)


def test_caddy_does() -> None:
    (given,) = seconds((EXAMPLES / "caddy" / "Caddyfile").read_text(), "keepalive")
    assert given < SERVICE_SECONDS


def test_envoy_does() -> None:
    envoy: Any = yaml.safe_load((EXAMPLES / "envoy" / "envoy.yaml").read_text())
    (cluster,) = (
        each for each in envoy["static_resources"]["clusters"] if each["name"] == "vetassist"
    )
    (options,) = cluster["typed_extension_protocol_options"].values()
    given = options["common_http_protocol_options"]["idle_timeout"]
    assert int(given.removesuffix("s")) < SERVICE_SECONDS


def test_traefik_does_with_the_setting_that_its_file_names() -> None:
    text = (EXAMPLES / "traefik" / "vetassist.yml").read_text()
    (given,) = re.findall(r"VETASSIST_KEEP_ALIVE_SECONDS=(\d+)", text)
    assert int(given) > TRAEFIK_SECONDS
