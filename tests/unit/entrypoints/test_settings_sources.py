"""What operators and their platforms write around the values and the names of settings."""

import os
import secrets
from pathlib import Path
from typing import Any

import pytest

from entrypoints.sandbox.settings import ServiceBeside
from entrypoints.settings import Settings
from entrypoints.settings_reader import DatabaseSettings, SettingsError, read_part, read_settings
from entrypoints.settings_sources import file_of
from tests.support.environment import required_settings, write_secrets

BOM = "\ufeff"
ISSUER = "VETASSIST_JWT_ISSUER"
DEFAULT_ISSUER = Settings.jwt_issuer


def read(**given: str) -> Settings:
    return read_settings({**required_settings(), **given})


def faults_of(environment: dict[str, str], kind: Any = None) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read_settings(environment) if kind is None else read_part(environment, kind)
    return refused.value.faults


def fault(**given: str) -> str:
    (line,) = faults_of({**required_settings(), **given})
    return line


def in_files(folder: Path, **changes: str | bytes) -> dict[str, str]:
    """An environment with every setting in a file; bytes are written as they are."""
    texts = {name: value for name, value in changes.items() if isinstance(value, str)}
    write_secrets(folder, {**required_settings(), **texts})
    for name, value in changes.items():
        if isinstance(value, bytes):
            (folder / name).touch(mode=0o600)
            (folder / name).write_bytes(value)
    return {"VETASSIST_SECRETS_DIR": str(folder)}


# White space, marks and quotes around a value.


@pytest.mark.parametrize(
    "written",
    ["  v ", "v\n", "v\r\n", "\tv", f"{BOM}v", f" {BOM} v\u200b", "\N{NO-BREAK SPACE}v\u2060"],
)
def test_what_is_around_a_value_is_dropped_in_a_variable_and_in_a_file(
    tmp_path: Path, written: str
) -> None:
    assert read(VETASSIST_JWT_ISSUER=written).jwt_issuer == "v"
    environment = in_files(tmp_path / "secrets", VETASSIST_JWT_ISSUER=written)
    assert read_settings(environment).jwt_issuer == "v"


def test_what_is_inside_a_value_stays() -> None:
    given = f"two\N{NO-BREAK SPACE} words{BOM}!"
    assert read(VETASSIST_JWT_ISSUER=given).jwt_issuer == given


@pytest.mark.parametrize("empty", ["", " ", "\n", BOM])
def test_an_empty_value_is_an_unset_one_in_a_variable_and_in_a_file(
    tmp_path: Path, empty: str
) -> None:
    settings = read(
        VETASSIST_JWT_ISSUER=empty,
        VETASSIST_POOL_SIZE=empty,
        VETASSIST_SESSION_DELIVERY=empty,
        VETASSIST_METRICS_PORT=empty,
        VETASSIST_VA_SCOPES=empty,
        VETASSIST_SECRETS_DIR=empty,
        VETASSIST_JWT_PREVIOUS_SECRET=empty,
    )
    assert settings.jwt_issuer == DEFAULT_ISSUER
    assert settings.pool_size == Settings.pool_size
    assert settings.va_scopes == Settings.va_scopes
    assert settings.metrics_port is None
    assert settings.jwt_previous_secret is None
    environment = in_files(tmp_path / "secrets", VETASSIST_JWT_ISSUER=empty)
    assert read_settings(environment).jwt_issuer == DEFAULT_ISSUER


def test_an_empty_variable_hides_no_file(tmp_path: Path) -> None:
    environment = in_files(tmp_path / "secrets", VETASSIST_JWT_ISSUER="of the file")
    assert read_settings(environment | {ISSUER: " "}).jwt_issuer == "of the file"


def test_an_empty_status_url_is_the_one_that_says_something(tmp_path: Path) -> None:
    name = "VETASSIST_VA_STATUS_URL"
    assert read().va_status_url is not None
    assert read(**{name: " "}).va_status_url is None
    environment = in_files(tmp_path / "secrets", **{name: "\n"})
    assert read_settings(environment).va_status_url is None
    assert read_settings(in_files(tmp_path / "other", **{name: "https://x"}) | {name: ""}) != (
        read_settings(environment)
    )
    assert read_settings(environment | {name: "https://y"}).va_status_url == "https://y"


@pytest.mark.parametrize("name", ["VETASSIST_VA_CLIENT_SECRET", ISSUER, "VETASSIST_PUBLIC_URL"])
@pytest.mark.parametrize("quotes", ['""', "''", "``", "\u201c\u201d", "\u2018\u2019"])
def test_quotes_around_a_value_are_refused_with_a_hint(
    tmp_path: Path, name: str, quotes: str
) -> None:
    value = f" {quotes[0]}https://canary.example{quotes[1]} "
    assert fault(**{name: value}) == (
        f"{name}: has quotes around it, which would be part of the value: remove them"
    )
    (line,) = faults_of(in_files(tmp_path / "secrets", **{name: value}))
    assert line.startswith(f"{name}: has quotes around it")


def test_quotes_around_the_directorys_name_are_refused_too() -> None:
    (line,) = faults_of({"VETASSIST_SECRETS_DIR": "'/run/secrets'"}, DatabaseSettings)
    assert line.startswith("VETASSIST_SECRETS_DIR: has quotes around it")


@pytest.mark.parametrize("value", ["'", '"', "'a", 'a"', "'a\"", "a 'b' c"])
def test_a_quote_elsewhere_is_a_part_of_the_value(value: str) -> None:
    assert read(VETASSIST_JWT_ISSUER=value).jwt_issuer == value


@pytest.mark.parametrize("name", ["VETASSIST_VA_CLIENT_SECRET", "VETASSIST_VA_CLIENT_ID", ISSUER])
@pytest.mark.parametrize("reference", ["${CANARY}", "$(CANARY)", "{{ .Values.canary }}", "${A:-b}"])
def test_a_reference_that_nothing_replaced_is_refused(name: str, reference: str) -> None:
    assert fault(**{name: reference}) == (
        f"{name}: is a reference that nothing replaced: write the value itself"
    )


@pytest.mark.parametrize("value", ["$a", "a$(b)", "${a}b", "$", "{a}"])
def test_a_dollar_sign_elsewhere_is_a_part_of_the_value(value: str) -> None:
    assert read(VETASSIST_JWT_ISSUER=value).jwt_issuer == value


@pytest.mark.parametrize("value", ["a\x00b", "a\x1b[0mb", "a\x7fb", "a\x85b"])
def test_a_control_character_in_a_value_is_refused(tmp_path: Path, value: str) -> None:
    assert "control character" in fault(VETASSIST_VA_CLIENT_SECRET=value)
    environment = in_files(tmp_path / "secrets", VETASSIST_VA_CLIENT_SECRET=value)
    assert "control character" in faults_of(environment)[0]


def test_bytes_that_are_no_text_are_refused_and_not_quoted() -> None:
    line = fault(VETASSIST_JWT_SECRET="\udcff" + secrets.token_hex(32))
    assert line == "VETASSIST_JWT_SECRET: is not valid UTF-8 text: write it again"


# Names.


def test_a_byte_order_mark_before_the_first_name_of_a_file_is_none_of_the_name() -> None:
    environment = required_settings() | {f"{BOM}{ISSUER}": "v"}
    assert read_settings(environment).jwt_issuer == "v"


@pytest.mark.parametrize("kind", [None, DatabaseSettings, ServiceBeside])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vetassist_jwt_issuer", "no such setting; did you mean VETASSIST_JWT_ISSUER?"),
        ("Vetassist_Database_Url", "no such setting; did you mean VETASSIST_DATABASE_URL?"),
        ("VETASSIST_DATABASE_URI", "no such setting; did you mean VETASSIST_DATABASE_URL?"),
        (
            "VETASSIST_JWT_SECRET_FILE",
            (
                "no such setting; name the file VETASSIST_JWT_SECRET, and set "
                "VETASSIST_SECRETS_DIR to its directory"
            ),
        ),
    ],
)
def test_every_command_has_the_same_rule_for_names(
    tmp_path: Path, kind: Any, name: str, said: str
) -> None:
    environment = required_settings()
    assert faults_of({**environment, name: "x"}, kind) == [f"{name}: {said}"]
    in_file = in_files(tmp_path / "secrets", **{name: "x"})
    assert faults_of(in_file, kind) == [f"{name}: {said}"]


@pytest.mark.parametrize("separator", [": ", ":", " ", "-", ".", "\n"])
def test_a_line_that_became_a_name_is_not_quoted_with_the_secret_in_it(separator: str) -> None:
    (line,) = faults_of(required_settings() | {f"VETASSIST_JWT_SECRET{separator}canary": ""})
    assert line.startswith("VETASSIST_JWT_SECRET...: no such setting; did you mean ")
    assert "canary" not in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VETASSIST_SERVICE_HOST", "10.96.0.12"),
        ("VETASSIST_SERVICE_PORT", "8000"),
        ("VETASSIST_SERVICE_PORT_HTTP", "8000"),
        ("VETASSIST_SERVICE_PORT_HTTP_METRICS", "9464"),
        ("VETASSIST_PORT", "tcp://10.96.0.12:8000"),
        ("VETASSIST_PORT_8000_TCP", "tcp://10.96.0.12:8000"),
        ("VETASSIST_PORT_8000_TCP_PROTO", "tcp"),
        ("VETASSIST_PORT_8000_TCP_PORT", "8000"),
        ("VETASSIST_PORT_8000_TCP_ADDR", "10.96.0.12"),
        ("VETASSIST_PORT_8000_UDP", "udp://10.96.0.12:8000"),
        ("VETASSIST_WEB_SERVICE_HOST", "10.96.0.12"),
        ("VETASSIST_WEB_2_SERVICE_PORT_HTTP", "8000"),
        ("VETASSIST_WEB_PORT", "tcp://[fd00::1]:8000"),
        ("VETASSIST_WEB_PORT_8000_TCP_ADDR", "fd00::1"),
        # Services whose names make variables with the names of settings.
        ("VETASSIST_METRICS_PORT", "tcp://10.96.0.13:9464"),
        ("VETASSIST_SANDBOX_PORT", "tcp://10.96.0.14:8001"),
    ],
)
def test_what_kubernetes_sets_for_a_service_of_that_name_is_ignored(name: str, value: str) -> None:
    settings = read(**{name: value})
    assert settings.metrics_port is None
    assert settings.sandbox_port == Settings.sandbox_port
    read_part({**required_settings(), name: value}, DatabaseSettings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VETASSIST_PORT", "8000"),
        ("VETASSIST_HOST", "10.96.0.12"),
        ("vetassist_service_host", "10.96.0.12"),
        ("VETASSIST_PORT_HTTP", "tcp://10.96.0.12:8000"),
        ("VETASSIST_METRICS_PORT", "9464x"),
    ],
)
def test_nothing_else_is_taken_for_kubernetes(name: str, value: str) -> None:
    assert fault(**{name: value}).startswith(f"{name}: ")


# Files, as platforms mount them.


def test_a_directory_of_docker_or_podman_beside_files_of_others(tmp_path: Path) -> None:
    environment = in_files(tmp_path / "secrets")
    (tmp_path / "secrets" / "db_password").write_text("of another program")
    (tmp_path / "secrets" / "rhsm").mkdir()
    assert read_settings(environment).jwt_issuer == DEFAULT_ISSUER


def test_a_directory_of_kubernetes_with_links_and_an_older_version(tmp_path: Path) -> None:
    values = required_settings()
    mount = tmp_path / "mount"
    mount.mkdir()
    for version in ("..2026_01_19_08_00_00.1", "..2026_01_20_08_00_00.2"):
        write_secrets(mount / version, {**values, ISSUER: version})
    (mount / "..data").symlink_to("..2026_01_20_08_00_00.2")
    for name in [*values, ISSUER]:
        (mount / "..data" / name).chmod(0o644)
        (mount / name).symlink_to(f"..data/{name}")
    environment = {"VETASSIST_SECRETS_DIR": str(mount)}
    assert read_settings(environment).jwt_issuer == "..2026_01_20_08_00_00.2"


def test_a_file_that_is_readable_by_everybody_is_refused_with_what_to_do_about_it(
    tmp_path: Path,
) -> None:
    """As Docker Swarm, Podman, and a `subPath` of Kubernetes mount it by default."""
    environment = in_files(tmp_path / "secrets")
    (tmp_path / "secrets" / "VETASSIST_JWT_SECRET").chmod(0o444)
    assert faults_of(environment) == [
        (
            "VETASSIST_JWT_SECRET: the file is readable by everybody: give it mode 0400 and the "
            f"owner {os.geteuid()}, with chmod and chown or where it is mounted "
            "(docs/deployment.md)"
        )
    ]
    # A command that doesn't read it has no say in it.
    read_part(environment, DatabaseSettings)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path, encoding: str) -> None:
    written = f"{BOM if encoding == 'utf-16-be' else ''}naïve\r\n".encode(encoding)
    environment = in_files(tmp_path / "secrets", VETASSIST_JWT_ISSUER=written)
    assert read_settings(environment).jwt_issuer == "naïve"


def test_a_file_is_read_as_utf_8_whatever_the_locale_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "ascii")
    environment = in_files(tmp_path / "secrets", VETASSIST_JWT_ISSUER="naïve".encode())
    assert read_settings(environment).jwt_issuer == "naïve"


def test_a_file_that_this_user_cannot_read_is_refused_with_what_to_do_about_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = in_files(tmp_path / "secrets")
    read_bytes = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "VETASSIST_AUDIT_KEY":
            raise PermissionError
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    (line,) = faults_of(environment)
    assert line.startswith(
        f"VETASSIST_AUDIT_KEY: the file cannot be read by user id {os.geteuid()}: make that user "
    )


def test_a_directory_that_this_user_cannot_list_is_refused_with_what_to_do_about_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_folder: Path) -> None:
        raise PermissionError

    monkeypatch.setattr("os.scandir", refuse)
    (line,) = faults_of({"VETASSIST_SECRETS_DIR": str(tmp_path)}, DatabaseSettings)
    assert line.startswith(
        f"VETASSIST_SECRETS_DIR: the directory cannot be listed by user id {os.geteuid()}: make "
    )


def test_a_link_to_nowhere_a_pipe_and_a_long_file_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    environment = in_files(folder, VETASSIST_AUDIT_KEY=b"a" * 100_000)
    (folder / "VETASSIST_JWT_SECRET").unlink()
    (folder / "VETASSIST_JWT_SECRET").symlink_to("..data/gone")
    (folder / "VETASSIST_TOKEN_KEYS").unlink()
    os.mkfifo(folder / "VETASSIST_TOKEN_KEYS", mode=0o600)
    assert sorted(faults_of(environment)) == [
        f"VETASSIST_AUDIT_KEY: {ONE_VALUE}",
        f"VETASSIST_JWT_SECRET: {LINK}",
        f"VETASSIST_TOKEN_KEYS: {ONE_VALUE}",
    ]


LINK = "links to a file that doesn't exist: mount that file, or remove the link"
ONE_VALUE = "is not a file with one value: write the value alone into a file"


def test_a_setting_comes_from_its_file_unless_a_variable_sets_it(tmp_path: Path) -> None:
    given = {"VETASSIST_SECRETS_DIR": f" {tmp_path}\n"}
    assert file_of(given, ISSUER) == tmp_path / ISSUER
    assert file_of(given | {ISSUER: " "}, ISSUER) == tmp_path / ISSUER
    assert file_of(given | {ISSUER: "v"}, ISSUER) is None
    assert file_of({}, ISSUER) is None


# Values.


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("https://App.Example.org:443/", "https://app.example.org"),
        ("https://app.example.org./portal/", "https://app.example.org/portal"),
        ("HTTPS://APP.EXAMPLE.ORG", "https://app.example.org"),
        ("http://LOCALHOST:80", "http://localhost"),
        ("http://Localhost.:8000", "http://localhost:8000"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"),
        ("http://[0:0::1]:8000", "http://[::1]:8000"),
        ("https://vetássist.example", "https://xn--vetssist-bza.example"),
        ("https://Faß.example:8443/x", "https://xn--fa-hia.example:8443/x"),
        ("https://例え\N{IDEOGRAPHIC FULL STOP}テスト", "https://xn--r8jz45g.xn--zckzah"),
        ("https://app.example.org/a~b/%C3%A9", "https://app.example.org/a~b/%C3%A9"),
    ],
)
def test_a_base_url_is_kept_as_browsers_write_it(written: str, canonical: str) -> None:
    settings = read(VETASSIST_PUBLIC_URL=written, VETASSIST_FRONTEND_URL=canonical)
    assert settings.public_url == canonical
    assert settings.serves_front_end
    assert settings.redirect_uri == f"{canonical}/api/v1/va/callback"


@pytest.mark.parametrize("name", ["VETASSIST_PUBLIC_URL", "VETASSIST_FRONTEND_URL"])
@pytest.mark.parametrize(
    "path", ["/a//b", "/../b", "/a/./b", "/%2E%2e", "/a b", "/a;b", "/a,b", "/é", "/%zz", "/a|b"]
)
def test_a_path_that_browsers_would_write_otherwise_is_refused(name: str, path: str) -> None:
    fault(**{name: f"https://app.example.org{path}"})


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/x", "/static", "/sessions/", "/readyz"])
def test_a_public_path_that_is_one_of_the_services_own_is_refused(path: str) -> None:
    assert "which is the service's own" in fault(VETASSIST_PUBLIC_URL=f"https://a.example{path}")
    read(VETASSIST_FRONTEND_URL=f"https://a.example{path}")


@pytest.mark.parametrize("path", ["/api", "/api/v12", "/vetassist/api/v1", "/sessions-2"])
def test_a_public_path_that_only_looks_like_one_of_them_is_accepted(path: str) -> None:
    assert read(VETASSIST_PUBLIC_URL=f"https://a.example{path}").public_path == path


def test_the_issuer_alone_stays_as_it_is_written() -> None:
    url = "https://Provider.Example:443/"
    settings = read(VETASSIST_VA_ISSUER=f" {url} ", VETASSIST_VA_DISCOVERY_URL=f"{url}x")
    assert settings.va_issuer == url
    assert settings.va_discovery_url == "https://provider.example/x"


def test_the_words_of_a_setting_are_read_in_upper_and_lower_case() -> None:
    settings = read(
        VETASSIST_LOG_LEVEL="info",
        VETASSIST_SESSION_DELIVERY="Cookie",
        VETASSIST_JWT_INCLUDE_ICN="FALSE",
    )
    assert (settings.log_level, settings.session_delivery) == ("INFO", "cookie")
    assert not settings.jwt_include_icn


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"VETASSIST_SESSION_IDLE_MINUTES": "721"},
            "VETASSIST_SESSION_IDLE_MINUTES: must be at most VETASSIST_SESSION_ABSOLUTE_MINUTES",
        ),
        (
            {"VETASSIST_SESSION_WARNING_SECONDS": "60", "VETASSIST_JWT_EXPIRY_MINUTES": "1"},
            (
                "VETASSIST_SESSION_WARNING_SECONDS: must be less than "
                "VETASSIST_SESSION_IDLE_MINUTES and VETASSIST_JWT_EXPIRY_MINUTES, so less than 60"
            ),
        ),
    ],
)
def test_settings_that_contradict_each_other_are_named(given: dict[str, str], said: str) -> None:
    assert fault(**given) == said
