"""The files in `deploy/` say what the service reads, and agree with each other.

``make deploy-check`` checks their form with the tools of what they are for.
"""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from entrypoints.settings import Settings
from tests.support.environment import read, required_settings

DEPLOY: Final = Path(__file__).parents[3] / "deploy"
KUBERNETES: Final = DEPLOY / "kubernetes"
#: What is handed over as a file.
SECRETS: Final = set(required_settings()) - {"VETASSIST_VA_CLIENT_ID"}


def variables_of(text: str) -> dict[str, str]:
    """The variables of a file with variables."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def settings_of(variables: dict[str, str]) -> Settings:
    """The settings of a process with these variables and all secrets."""
    own = {name: value for name, value in variables.items() if name != "VETASSIST_SECRETS_DIR"}
    return read(required_settings() | own)


def kubernetes(name: str) -> Any:
    return yaml.safe_load((KUBERNETES / name).read_text())


COMPOSE: Final[dict[str, Any]] = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())


@pytest.mark.parametrize("name", ["systemd", "compose", "kubernetes"])
def test_every_setting_is_one_that_the_service_accepts(name: str) -> None:
    variables = variables_of((DEPLOY / name / "vetassist.env").read_text())

    assert settings_of(variables).public_url == "https://api.example.org"
    assert not SECRETS & set(variables)


def test_systemd_hands_over_every_secret_under_the_name_of_its_setting() -> None:
    for unit in ("vetassist-serve@.service", "vetassist-verify.service"):
        text = (DEPLOY / "systemd" / unit).read_text()
        handed = re.findall(
            r"^LoadCredential=(\w+):/etc/vetassist/secrets/(\w+)$", text, re.MULTILINE
        )
        assert {name for name, _ in handed} == SECRETS
        assert all(name == file for name, file in handed)


def test_only_the_migration_has_the_owners_url() -> None:
    for unit in (DEPLOY / "systemd").glob("*.service"):
        assert ("/etc/vetassist/owner/" in unit.read_text()) == ("migrate" in unit.name)
    for name, service in COMPOSE["services"].items():
        sources = [
            each if isinstance(each, str) else each["source"] for each in service.get("secrets", [])
        ]
        assert ("owner-url" in sources) == (name == "migrate")
    assert "vetassist-owner" in (KUBERNETES / "migrate.yaml").read_text()
    assert "vetassist-owner" not in (KUBERNETES / "deployment.yaml").read_text()


def test_compose_hands_over_every_secret_and_makes_every_file_that_it_names() -> None:
    service = COMPOSE["services"]["vetassist"]
    targets = {each if isinstance(each, str) else each["target"] for each in service["secrets"]}
    assert targets == SECRETS

    script = (DEPLOY / "compose" / "make-secrets.sh").read_text()
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"secrets/{name}"}
        assert f"keep {name} " in script
    assert settings_of(service["environment"]).metrics_port == 9464


def test_compose_mounts_files_that_there_are() -> None:
    volumes = [
        each for service in COMPOSE["services"].values() for each in service.get("volumes", [])
    ]
    paths = [each.split(":")[0] for each in volumes if each.startswith(".")]
    assert paths
    for path in paths:
        assert (DEPLOY / "compose" / path).exists(), path


def test_prometheus_asks_where_the_metrics_are() -> None:
    prometheus = yaml.safe_load((DEPLOY / "compose" / "prometheus.yml").read_text())
    (job,) = prometheus["scrape_configs"]
    port = COMPOSE["services"]["vetassist"]["environment"]["VETASSIST_METRICS_PORT"]
    assert job["job_name"] == "vetassist"
    assert job["static_configs"] == [{"targets": [f"vetassist:{port}"]}]


def test_kubernetes_reaches_the_ports_that_the_service_listens_on() -> None:
    (container,) = kubernetes("deployment.yaml")["spec"]["template"]["spec"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    settings = settings_of(variables_of((KUBERNETES / "vetassist.env").read_text()))

    assert container["args"][-2:] == ["--port", str(ports["http"])]
    assert ports["metrics"] == settings.metrics_port
    assert {each["targetPort"] for each in kubernetes("service.yaml")["spec"]["ports"]} == set(
        ports
    )
    (endpoint,) = kubernetes("monitoring/service-monitor.yaml")["spec"]["endpoints"]
    assert endpoint["port"] in ports


def test_kubernetes_mounts_the_secrets_where_the_service_looks() -> None:
    place = variables_of((KUBERNETES / "vetassist.env").read_text())["VETASSIST_SECRETS_DIR"]
    for name in ("deployment.yaml", "migrate.yaml"):
        pod = kubernetes(name)["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        (mount,) = container["volumeMounts"]
        assert mount["mountPath"] == place
        # The group of the files is the pod's own.
        assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"] == 10001


def test_kubernetes_finds_the_pods_by_their_labels() -> None:
    deployment = kubernetes("deployment.yaml")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert kubernetes("service.yaml")["spec"]["selector"] == labels
    assert kubernetes("disruption-budget.yaml")["spec"]["selector"]["matchLabels"] == labels
    monitor = kubernetes("monitoring/service-monitor.yaml")["spec"]["selector"]["matchLabels"]
    assert kubernetes("service.yaml")["metadata"]["labels"] == monitor
    # A Service called `vetassist` would set variables that look like settings.
    assert not kubernetes("service.yaml")["metadata"]["name"].startswith("vetassist")


def test_every_manifest_is_applied() -> None:
    listed = kubernetes("kustomization.yaml")["resources"]
    files = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert sorted(listed) == sorted(files)
