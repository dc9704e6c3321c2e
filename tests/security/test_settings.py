"""What the service refuses to be set to, and how it says so."""

import base64
import hashlib
import os
import secrets
from dataclasses import FrozenInstanceError, asdict
from itertools import permutations
from pathlib import Path
from typing import Final

import pytest

from domain.front_end import SessionDelivery
from entrypoints.settings import Settings
from entrypoints.settings_reader import DatabaseSettings, SettingsError, read_part
from tests.support.environment import read, required_settings, token_key, write_secrets


def base64url(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()


def random_bytes(length: int) -> bytes:
    """The same on each run, so that a test keeps its name."""
    return hashlib.shake_256(b"a key").digest(length)


KEY: Final = base64url(random_bytes(32))
#: Those that guard something.
SECRETS: Final = (
    "VETASSIST_JWT_SECRET",
    "VETASSIST_JWT_PREVIOUS_SECRET",
    "VETASSIST_AUDIT_KEY",
    "VETASSIST_AUDIT_PREVIOUS_KEYS",
    "VETASSIST_TOKEN_KEYS",
    "VETASSIST_VA_CLIENT_SECRET",
)
REQUIRED: Final = tuple(sorted(required_settings()))
ISSUER: Final = {"VETASSIST_VA_ISSUER": "https://idp.example"}


def faults(**changes: str | None) -> list[str]:
    """What is said of sound settings with these changes; nothing if they are accepted.

    A change to None takes the setting away.
    """
    values = {**required_settings(), **changes}
    try:
        read({name: value for name, value in values.items() if value is not None})
    except SettingsError as error:
        return error.faults
    return []


def fault(name: str, value: str, **changes: str) -> str:
    """The one line about a setting, without the setting's name; it may not quote the value."""
    (line,) = faults(**{name: value, **changes})
    assert line.startswith(f"{name}: "), line
    if len(value) > 3:
        assert value not in line
    return line.removeprefix(f"{name}: ")


def test_what_is_required_is_enough() -> None:
    assert faults() == []


@pytest.mark.case(94)
@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_is_refused(name: str) -> None:
    (line,) = faults(**{name: None})
    assert line.startswith(f"{name}: is required: ")


@pytest.mark.case(94)
@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("empty", ["", " ", "\t\n", "\ufeff"])
def test_an_empty_setting_is_a_missing_one(name: str, empty: str) -> None:
    assert faults(**{name: empty}) == faults(**{name: None})


def test_a_secret_never_falls_back_to_anothers_name() -> None:
    values = required_settings()
    generic = {
        "JWT_SECRET": values.pop("VETASSIST_JWT_SECRET"),
        "SECRET_KEY": secrets.token_hex(32),
    }
    with pytest.raises(SettingsError) as refused:
        read(values | generic)
    assert refused.value.faults == ["VETASSIST_JWT_SECRET: is required: 64 random hex digits"]


@pytest.mark.case(94)
@pytest.mark.parametrize("name", ["VETASSIST_JWT_SECRET", "VETASSIST_JWT_PREVIOUS_SECRET"])
@pytest.mark.parametrize(
    "short",
    [
        "x",
        "Tr0ub4dor&3",
        "q3E$Yn6Cj+1uHd8Gi4Ko0Ms9Pw2Rz7T",  # 31 characters
        "6d1f0b9ac2e84735",
        "6d1f0b9ac2e8473586afd0c19b3e7254",  # 16 bytes in hex
        "6d1f0b9ac2e8473586afd0c19b3e7254aa11bb22cc33dd44ee55ff66778899",  # 31 bytes in hex
        "žžžžžžžžžžžžžžž",  # 30 bytes
    ],
)
def test_a_short_secret_is_refused(name: str, short: str) -> None:
    assert "too short" in fault(name, short)


@pytest.mark.parametrize(
    "sound",
    [
        random_bytes(32).hex(),
        random_bytes(32).hex().upper(),
        random_bytes(64).hex(),
        base64url(random_bytes(32)),
        "q3E$Yn6Cj+1uHd8Gi4Ko0Ms9Pw2Rz7T!",
    ],
)
def test_a_long_random_secret_is_accepted_in_hex_and_in_plain(sound: str) -> None:
    assert faults(VETASSIST_JWT_SECRET=sound) == []


@pytest.mark.case(96)
@pytest.mark.parametrize("name", ["VETASSIST_JWT_SECRET", "VETASSIST_JWT_PREVIOUS_SECRET"])
@pytest.mark.parametrize(
    "placeholder",
    [
        "changeme",
        "changemechangemechangemechangeme",
        "CHANGE-ME-0123456789abcdefghijklmnopqr",
        "change_me_to_something_long_and_random_please",
        "your-secret-here-0123456789-abcdefghij",
        "your_key_0123456789_abcdefghijklmnopqr",
        "<a secret of at least thirty-two bytes>",
        "placeholder-0123456789-abcdefghijklmno",
        "example-secret-0123456789-abcdefghijkl",
        "this is a password of thirty-two bytes",
        "0" * 64,
        "ab" * 32,
        "0123456789abcdef" * 4,
        "deadbeef" * 8,
        "secret" * 8,
        "x" * 40,
        "abcdefghijklmnopqrstuvwxyz012345",
        bytes(range(32)).hex(),
        bytes(range(255, 0, -7)).hex(),
    ],
)
def test_a_placeholder_or_a_pattern_is_refused(name: str, placeholder: str) -> None:
    assert fault(name, placeholder)


@pytest.mark.case(96)
@pytest.mark.parametrize(
    "placeholder", ["changeme", "Change-Me", "<client secret>", "client_secret"]
)
def test_a_placeholder_for_vas_secret_is_refused(placeholder: str) -> None:
    assert "placeholder" in fault("VETASSIST_VA_CLIENT_SECRET", placeholder)


@pytest.mark.parametrize("given", ["s3", "a-password-of-example-corp", "6d1f0b9ac2e84735"])
def test_vas_secret_is_vas_to_choose(given: str) -> None:
    assert faults(VETASSIST_VA_CLIENT_SECRET=given) == []


@pytest.mark.case(96)
@pytest.mark.parametrize("name", ["VETASSIST_AUDIT_KEY", "VETASSIST_AUDIT_PREVIOUS_KEYS"])
@pytest.mark.parametrize(
    "unfit",
    [
        "zz" * 32,
        base64url(random_bytes(48)) + "_",
        "0x" + random_bytes(32).hex(),
        random_bytes(32).hex()[:-1],
        random_bytes(31).hex(),
        random_bytes(16).hex(),
        "00" * 32,
        "0123456789abcdef" * 4,
        "changeme",
        random_bytes(32).hex() + "\n\n" + random_bytes(4).hex(),
    ],
)
def test_an_audit_key_that_is_no_key_is_refused(name: str, unfit: str) -> None:
    assert fault(name, unfit)


@pytest.mark.case(94)
@pytest.mark.parametrize("unfit", ["", "k1", random_bytes(31).hex(), "00" * 32, "changeme"])
def test_each_previous_audit_key_is_looked_at_and_counted_not_quoted(unfit: str) -> None:
    sound = random_bytes(32).hex()
    said = fault("VETASSIST_AUDIT_PREVIOUS_KEYS", f"{sound},{unfit}")
    assert said.startswith("key 2 ")
    assert sound not in said


def test_no_previous_audit_key_is_needed_and_several_are_read() -> None:
    assert read(required_settings()).audit_previous_keys == ()
    empty = read(required_settings() | {"VETASSIST_AUDIT_PREVIOUS_KEYS": ""})
    assert empty.audit_previous_keys == ()
    keys = [secrets.token_bytes(32) for _ in range(2)]
    given = " , ".join(key.hex() for key in keys)
    settings = read(required_settings() | {"VETASSIST_AUDIT_PREVIOUS_KEYS": given})
    assert [key.reveal() for key in settings.audit_previous_keys] == keys


# Case 97, and everything else a list of keys can be.


@pytest.mark.case(97)
@pytest.mark.parametrize(
    "unfit",
    [
        "k1",
        "k1:",
        ":" + base64url(random_bytes(32)),
        base64url(random_bytes(32)),
        random_bytes(16).hex(),
        base64url(random_bytes(16)),
        base64url(random_bytes(16)) + ":k1",
        base64url(random_bytes(16)).rstrip("=") + ":k1",
        base64url(random_bytes(32)) + ":k1",
        "k1:" + base64url(random_bytes(16)),
        "k1:" + base64url(random_bytes(24)),
        "k1:" + base64url(random_bytes(31)),
        "k1:" + base64url(random_bytes(33)),
        "k1:" + base64url(random_bytes(64)),
        "k1:" + random_bytes(32).hex(),
        "k1:" + base64url(bytes(32)),
        "k1:" + base64url(b"changeme" * 4),
        "k1:!" + KEY,
        "k1:" + KEY[:20] + " " + KEY[20:],
        "k1:" + KEY + "==",
        "k1:" + KEY + "AAAA",
        "a key:" + KEY,
        "k" * 33 + ":" + KEY,
        "schlüssel:" + KEY,
        f"k1:{KEY}" + ",",
        "," + f"k1:{KEY}",
        f"k1:{KEY}" + ";" + f"k2:{KEY}",
        f"k1:{KEY}" + " " + f"k2:{KEY}",
        f"k1:{KEY}" + "," + f"k1:{KEY}",
        f"k1:{KEY}" + ",k2:" + base64url(random_bytes(16)),
    ],
)
def test_token_keys_of_any_other_form_are_refused_and_not_quoted(unfit: str) -> None:
    said = fault("VETASSIST_TOKEN_KEYS", unfit)
    for part in unfit.replace(",", ":").split(":"):
        assert len(part) < 16 or part not in said


def test_several_token_keys_are_read_in_order_with_or_without_padding() -> None:
    key = random_bytes(32)
    given = f"new:{base64url(key).rstrip('=')} , {token_key('old-1')},{token_key('old_0')}"
    settings = read(required_settings() | {"VETASSIST_TOKEN_KEYS": given})
    assert list(settings.token_keys) == ["new", "old-1", "old_0"]
    assert settings.token_keys["new"].reveal() == key


# Case 95: one key, one purpose.


@pytest.mark.case(95)
@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("VETASSIST_JWT_SECRET", "VETASSIST_JWT_PREVIOUS_SECRET"),
        ("VETASSIST_JWT_SECRET", "VETASSIST_AUDIT_KEY"),
        ("VETASSIST_JWT_SECRET", "VETASSIST_VA_CLIENT_SECRET"),
        ("VETASSIST_JWT_PREVIOUS_SECRET", "VETASSIST_AUDIT_KEY"),
        ("VETASSIST_AUDIT_KEY", "VETASSIST_VA_CLIENT_SECRET"),
    ],
)
def test_two_settings_with_the_same_secret_are_refused(name: str, other: str) -> None:
    same = secrets.token_hex(32)
    for second in (same, same.upper()):
        (line,) = faults(**{name: same, other: second})
        assert "must not be the same as" in line
        assert {name, other} <= set(line.replace(":", "").split())
        assert same not in line


@pytest.mark.case(95)
def test_the_same_bytes_in_another_spelling_are_refused() -> None:
    plain = "q3E$Yn6Cj+1uHd8Gi4Ko0Ms9Pw2Rz7T!"
    key = plain.encode()
    spellings = {
        "VETASSIST_JWT_SECRET": plain,
        "VETASSIST_AUDIT_KEY": key.hex(),
        "VETASSIST_TOKEN_KEYS": f"k1:{base64url(key)}",
        "VETASSIST_VA_CLIENT_SECRET": plain,
    }
    for (name, one), (other, another) in permutations(spellings.items(), 2):
        (line,) = faults(**{name: one, other: another})
        assert "must not be the same as" in line


@pytest.mark.case(95)
def test_two_token_keys_with_the_same_bytes_are_refused() -> None:
    key = base64url(secrets.token_bytes(32))
    (line,) = faults(VETASSIST_TOKEN_KEYS=f"k1:{key},k2:{key.rstrip('=')}")
    assert line == (
        "VETASSIST_TOKEN_KEYS (k2): must not be the same as VETASSIST_TOKEN_KEYS (k1): "
        "generate another"
    )


@pytest.mark.case(95)
@pytest.mark.parametrize("name", ["VETASSIST_AUDIT_KEY", "VETASSIST_JWT_SECRET"])
def test_a_previous_audit_key_is_no_other_secret(name: str) -> None:
    key, other = secrets.token_hex(32), secrets.token_hex(32)
    (line,) = faults(**{name: key, "VETASSIST_AUDIT_PREVIOUS_KEYS": f"{other},{key}"})
    assert (
        line
        == f"VETASSIST_AUDIT_PREVIOUS_KEYS (2): must not be the same as {name}: generate another"
    )


@pytest.mark.case(95)
def test_every_reuse_is_named() -> None:
    key = secrets.token_bytes(32)
    lines = faults(
        VETASSIST_JWT_SECRET=key.hex(),
        VETASSIST_AUDIT_KEY=key.hex(),
        VETASSIST_TOKEN_KEYS=f"k1:{base64url(key)}",
    )
    assert len(lines) == 2


# Case 98: where the service may be reached, and whom it may trust.

URLS: Final = (
    "VETASSIST_PUBLIC_URL",
    "VETASSIST_FRONTEND_URL",
    "VETASSIST_VA_DISCOVERY_URL",
    "VETASSIST_VA_ISSUER",
    "VETASSIST_VA_STATUS_URL",
)


@pytest.mark.case(98)
@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize(
    "url",
    [
        "http://vetassist.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://evil.example/localhost",
        "http://0.0.0.0:8000",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "HTTP://vetassist.example",
        "ftp://localhost",
        "//vetassist.example",
        "vetassist.example",
        "localhost:8000",
        "https:vetassist.example",
        "https://",
        "https:///path",
        "https://vetassist.example:99999",
        "https://vetassist.example:port",
        "https://[::1",
        "https://user@vetassist.example",
        "https://user:hunter2@vetassist.example",
        "https://vetassist.example#part",
        "https://vetassist.example/#",
        "https://vet\nassist.example",
        "https://vet\tassist.example",
        "https://vet assist.example",
        "https://vetassist.example\\@evil.example",
        "https://vetassist..example",
        "https://vet%61ssist.example",
        "https://\u2028.example",
        "https://2130706433/",
        "https://0x7f.1",
        "https://[fe80::1%25eth0]",
        "https://vetassist.example:0",
        "javascript:alert(1)",
        "file:///etc/passwd",
    ],
)
def test_a_url_off_loopback_without_tls_or_of_odd_form_is_refused(name: str, url: str) -> None:
    assert fault(name, url, **({} if name == "VETASSIST_VA_ISSUER" else ISSUER))


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize(
    "url",
    [
        "https://vetassist.example",
        "https://vetassist.example:8443/base",
        "https://192.0.2.1",
        "http://localhost",
        "http://localhost:8000",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
    ],
)
def test_tls_is_accepted_anywhere_and_plain_http_on_loopback(name: str, url: str) -> None:
    assert faults(**ISSUER | {name: url}) == []


@pytest.mark.parametrize("name", ["VETASSIST_PUBLIC_URL", "VETASSIST_FRONTEND_URL"])
@pytest.mark.parametrize("query", ["?", "?a=b", "/?a=b"])
def test_a_url_that_paths_are_added_to_carries_no_query(name: str, query: str) -> None:
    assert "query" in fault(name, "https://vetassist.example" + query)


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_the_redirect_uri_is_the_public_url_and_the_callbacks_path(end: str) -> None:
    url = {"VETASSIST_PUBLIC_URL": "https://vetassist.example/base" + end}
    settings = read(required_settings() | url)
    assert settings.redirect_uri == "https://vetassist.example/base/api/v1/va/callback"
    assert settings.is_public_https


@pytest.mark.case(98)
@pytest.mark.parametrize(
    "proxies",
    [
        "*",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/8, 0.0.0.0/0",
        "::ffff:0:0/96",
        "::ffff:0:0/97,128.0.0.0/1",
        "0.0.0.0/1,128.0.0.0/1",
        "128.0.0.0/1,64.0.0.0/2,0.0.0.0/2",
        "::/1,8000::/1",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0.0/8 10.1.0.0/16",
        "proxy.internal",
        "10.0.0.x",
    ],
)
def test_proxies_that_are_everybody_or_nobody_are_refused(proxies: str) -> None:
    assert fault("VETASSIST_TRUSTED_PROXIES", proxies)


def test_proxies_are_networks_or_single_addresses() -> None:
    given = {"VETASSIST_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1,2001:db8::/32,"}
    settings = read(required_settings() | given)
    assert [str(network) for network in settings.trusted_proxies] == [
        "10.0.0.0/8",
        "192.0.2.1/32",
        "2001:db8::/32",
    ]
    assert read(required_settings() | {"VETASSIST_TRUSTED_PROXIES": ""}).trusted_proxies == ()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::ffff:0:0/97", "0.0.0.0/1"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::/64", "::/64"),
    ],
)
def test_a_mapped_network_is_the_ipv4_network_that_it_stands_for(given: str, meant: str) -> None:
    settings = read(required_settings() | {"VETASSIST_TRUSTED_PROXIES": given})

    assert [str(network) for network in settings.trusted_proxies] == [meant]


@pytest.mark.parametrize(
    "name", ["two words", "a\nb", "pat\x1b[0m", "jos\N{LATIN SMALL LETTER E WITH ACUTE}", "x" * 65]
)
def test_an_operator_is_named_by_one_plain_word(name: str) -> None:
    assert fault("VETASSIST_OPERATOR", name)


@pytest.mark.parametrize(("given", "name"), [("pat@ops.example", "pat@ops.example"), ("", None)])
def test_an_operator_may_be_named(given: str, name: str | None) -> None:
    assert read(required_settings() | {"VETASSIST_OPERATOR": given}).operator == name


@pytest.mark.case(98)
@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("VETASSIST_JWT_SECRT", "VETASSIST_JWT_SECRET"),
        ("VETASSIST_TOKEN_KEY", "VETASSIST_TOKEN_KEYS"),
        ("VETASSIST_VA_CLIENTID", "VETASSIST_VA_CLIENT_ID"),
        ("VETASSIST_PUBLICURL", "VETASSIST_PUBLIC_URL"),
        ("VETASSIST_DATABASE_URI", "VETASSIST_DATABASE_URL"),
        ("VETASSIST_TRUSTED_PROXY", "VETASSIST_TRUSTED_PROXIES"),
    ],
)
def test_an_unknown_name_is_refused_and_the_nearest_one_named(unknown: str, nearest: str) -> None:
    assert faults(**{unknown: "canary"}) == [f"{unknown}: no such setting; did you mean {nearest}?"]


def test_names_of_other_programs_are_none_of_our_business() -> None:
    assert faults(VETASSISTANT="1", MY_VETASSIST_JWT_SECRET="1") == []


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/x?a=b", "http://localhost"])
def test_a_database_url_that_is_none_is_refused(url: str) -> None:
    assert fault("VETASSIST_DATABASE_URL", url) == (
        "is not a PostgreSQL connection URL: write postgresql://USER:PASSWORD@HOST/DATABASE"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://vetassist:pw@db-1:5432,db-2:5433/vetassist?sslmode=verify-full",
        "postgres://db/vetassist",
        "postgresql:///vetassist?host=/run/postgresql",
        "host=db dbname=vetassist",
    ],
)
def test_a_database_url_is_anything_that_libpq_takes(url: str) -> None:
    assert faults(VETASSIST_DATABASE_URL=url) == []


def test_another_provider_needs_its_issuer_named() -> None:
    url = {"VETASSIST_VA_DISCOVERY_URL": "https://idp.example/.well-known/openid-configuration"}
    (line,) = faults(**url)
    assert line.startswith("VETASSIST_VA_ISSUER: must be set when VETASSIST_VA_DISCOVERY_URL is")
    assert faults(**url, **ISSUER) == []


def test_scopes_without_openid_are_refused() -> None:
    assert fault("VETASSIST_VA_SCOPES", "profile email") == "must contain openid"
    scopes = read(required_settings() | {"VETASSIST_VA_SCOPES": " openid  email "}).va_scopes
    assert scopes == ("openid", "email")


def test_an_empty_status_url_switches_the_call_off() -> None:
    assert read(required_settings() | {"VETASSIST_VA_STATUS_URL": ""}).va_status_url is None


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("VETASSIST_JWT_EXPIRY_MINUTES", "half an hour"),
        ("VETASSIST_JWT_EXPIRY_MINUTES", "0"),
        ("VETASSIST_JWT_EXPIRY_MINUTES", "-30"),
        ("VETASSIST_JWT_EXPIRY_MINUTES", "1e400"),
        ("VETASSIST_JWT_INCLUDE_ICN", "perhaps"),
        ("VETASSIST_JWT_ISSUER", "two\nlines"),
        ("VETASSIST_VA_CLIENT_ID", "two\nlines"),
        ("VETASSIST_POOL_SIZE", "1_0"),
        ("VETASSIST_POOL_SIZE", "\u0661\u0662"),
        ("VETASSIST_SESSION_ABSOLUTE_MINUTES", "9" * 17),
        ("VETASSIST_SESSION_RETENTION_DAYS", "1000000"),
        ("VETASSIST_SESSION_DELIVERY", "pigeon"),
        ("VETASSIST_LOG_LEVEL", "LOUD"),
        ("VETASSIST_POOL_SIZE", "0"),
        ("VETASSIST_LOGIN_RATE", "-1"),
        ("VETASSIST_VA_TOKEN_MIN_SECONDS", "0"),
        ("VETASSIST_VA_TOKEN_MIN_SECONDS", "1801"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, odd: str) -> None:
    assert fault(name, odd)


def test_every_fault_is_reported_at_once_on_a_line_of_its_own() -> None:
    lines = faults(
        VETASSIST_AUDIT_KEY=None,
        VETASSIST_VA_CLIENT_ID=None,
        VETASSIST_JWT_SECRET="short",
        VETASSIST_PUBLIC_URL="http://vetassist.example",
        VETASSIST_TRUSTED_PROXIES="*",
        VETASSIST_SPELING="1",
    )
    assert [line.partition(":")[0] for line in sorted(lines)] == [
        "VETASSIST_AUDIT_KEY",
        "VETASSIST_JWT_SECRET",
        "VETASSIST_PUBLIC_URL",
        "VETASSIST_SPELING",
        "VETASSIST_TRUSTED_PROXIES",
        "VETASSIST_VA_CLIENT_ID",
    ]
    assert not any("\n" in line for line in lines)


def test_no_secret_shows_in_the_settings_or_in_what_is_said_of_them() -> None:
    values = required_settings("postgresql://vetassist:hunter2-canary@db/vetassist")
    values["VETASSIST_JWT_PREVIOUS_SECRET"] = secrets.token_hex(32)
    values["VETASSIST_AUDIT_PREVIOUS_KEYS"] = secrets.token_hex(32)
    settings = read(values)

    shown = f"{settings!r} {settings} {asdict(settings)!r} {vars(settings)!r}"
    for name in SECRETS:
        assert values[name].partition(":")[2] not in shown or ":" not in values[name]
        assert values[name] not in shown, name
    for key in settings.token_keys.values():
        assert base64url(key.reveal()) not in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_shows_in_a_fault_about_it(name: str) -> None:
    canary = "canary-5f2c9e"
    with pytest.raises(SettingsError) as refused:
        read(required_settings() | {name: canary, "VETASSIST_VA_CLIENT_ID": ""})
    assert canary not in f"{refused.value} {refused.value!r} {refused.value.faults}"
    # Nothing that a traceback would print holds it either.
    assert refused.value.__context__ is None
    assert refused.value.__cause__ is None


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = read(required_settings())
    with pytest.raises(FrozenInstanceError):
        settings.jwt_issuer = "someone else"  # type: ignore[misc]


# Secrets in files.


def from_files(folder: Path, **environment: str) -> Settings:
    return read({"VETASSIST_SECRETS_DIR": str(folder), **environment})


def refused_files(folder: Path, **environment: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        from_files(folder, **environment)
    return refused.value.faults


def test_every_setting_can_stand_in_a_file(tmp_path: Path) -> None:
    values = required_settings() | {"VETASSIST_JWT_ISSUER": "an issuer"}
    settings = from_files(write_secrets(tmp_path / "secrets", values))
    assert settings.jwt_secret.reveal() == values["VETASSIST_JWT_SECRET"]
    assert settings.jwt_issuer == "an issuer"


def test_the_environment_outranks_a_file(tmp_path: Path) -> None:
    folder = write_secrets(tmp_path / "secrets", required_settings())
    assert from_files(folder, VETASSIST_VA_CLIENT_ID="outranks").va_client_id == "outranks"


def test_files_of_others_in_the_directory_are_left_alone(tmp_path: Path) -> None:
    folder = write_secrets(tmp_path / "secrets", required_settings())
    (folder / "tls.key").write_bytes(b"\xff\xfe")
    (folder / "..data").mkdir()
    from_files(folder)


@pytest.mark.case(94)
@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666, 0o777])
def test_a_file_that_everybody_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    folder = write_secrets(tmp_path / "secrets", required_settings())
    (folder / "VETASSIST_AUDIT_KEY").chmod(mode)
    (line,) = refused_files(folder)
    assert line.startswith("VETASSIST_AUDIT_KEY: ")
    assert "readable by everybody" in line


@pytest.mark.case(94)
@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_a_file_of_its_owner_and_group_is_accepted(tmp_path: Path, mode: int) -> None:
    folder = write_secrets(tmp_path / "secrets", required_settings())
    for file in folder.iterdir():
        file.chmod(mode)
    from_files(folder)


@pytest.mark.case(94)
def test_files_mounted_as_kubernetes_does_are_accepted(tmp_path: Path) -> None:
    values = required_settings()
    mount, data = tmp_path / "mount", tmp_path / "mount" / "..2026_01_20"
    mount.mkdir()
    write_secrets(data, values)
    (mount / "..data").symlink_to(data.name)
    for name in values:
        (data / name).chmod(0o644)
        (mount / name).symlink_to(f"..data/{name}")
    assert from_files(mount).va_client_id == values["VETASSIST_VA_CLIENT_ID"]


def test_a_file_of_an_unknown_name_is_refused_and_the_nearest_one_named(tmp_path: Path) -> None:
    values = required_settings() | {"VETASSIST_JWT_SECRTE": "canary"}
    assert refused_files(write_secrets(tmp_path / "secrets", values)) == [
        "VETASSIST_JWT_SECRTE: no such setting; did you mean VETASSIST_JWT_SECRET?"
    ]


def test_a_secrets_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("nowhere", "file"):
        assert refused_files(tmp_path / name) == [
            "VETASSIST_SECRETS_DIR: no such directory: make it, or unset the setting"
        ]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = write_secrets(tmp_path / "secrets", required_settings())
    (folder / "VETASSIST_AUDIT_KEY").write_bytes(secrets.token_bytes(32) + b"\xff")
    assert refused_files(folder) == [
        "VETASSIST_AUDIT_KEY: the file cannot be read as text: save it in UTF-8"
    ]


def test_a_directory_in_a_files_place_is_refused(tmp_path: Path) -> None:
    folder = write_secrets(tmp_path / "secrets", required_settings())
    (folder / "VETASSIST_AUDIT_KEY").unlink()
    (folder / "VETASSIST_AUDIT_KEY").mkdir()
    (line,) = refused_files(folder)
    assert line.startswith("VETASSIST_AUDIT_KEY: is a directory and not a file")


def test_a_fault_in_a_file_is_reported_with_all_others(tmp_path: Path) -> None:
    values = required_settings() | {"VETASSIST_JWT_SECRET": "short", "VETASSIST_SPELING": "1"}
    folder = write_secrets(tmp_path / "secrets", values)
    (folder / "VETASSIST_AUDIT_KEY").chmod(0o644)
    lines = refused_files(folder, VETASSIST_PUBLIC_URL="http://vetassist.example")
    assert len(lines) == 4


def test_a_command_can_ask_for_some_settings_alone(tmp_path: Path) -> None:
    folder = write_secrets(tmp_path / "secrets", {"VETASSIST_DATABASE_URL": "postgresql://file/x"})
    environment = {"VETASSIST_SECRETS_DIR": str(folder), "VETASSIST_OPERATOR": "pat"}
    settings = read_part(environment, DatabaseSettings)
    assert settings.database_url.reveal() == "postgresql://file/x"
    assert settings.operator == "pat"
    assert settings.database_prepared_statements


def test_reading_settings_changes_nothing_in_the_environment() -> None:
    before = dict(os.environ)
    read(required_settings())
    assert dict(os.environ) == before


# The words and numbers that a setting may be.


@pytest.mark.parametrize("word", ["true", "TRUE", "1", "yes", "on"])
def test_a_flag_may_be_switched_on_in_several_words(word: str) -> None:
    on = {"VETASSIST_LOGOUT_ALL_REVOKES_AT_VA": word}
    assert read(required_settings() | on).logout_all_revokes_at_va


@pytest.mark.parametrize("delivery", ["query", "fragment", "cookie"])
def test_apps_can_sign_in_only_where_there_are_codes_to_redeem(delivery: str) -> None:
    apps = required_settings() | {"VETASSIST_APP_SIGN_IN": "true"}
    with pytest.raises(SettingsError) as refused:
        read(apps | {"VETASSIST_SESSION_DELIVERY": delivery})

    assert refused.value.faults == ["VETASSIST_APP_SIGN_IN: needs VETASSIST_SESSION_DELIVERY=code"]
    assert read(apps | {"VETASSIST_SESSION_DELIVERY": "code"}).app_sign_in


@pytest.mark.parametrize("word", ["false", "False", "0", "no", "off"])
def test_a_flag_may_be_switched_off_in_several_words(word: str) -> None:
    assert not read(required_settings() | {"VETASSIST_JWT_INCLUDE_ICN": word}).jwt_include_icn


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("VETASSIST_POOL_SIZE", "many", "must be a whole number: 1 to 1000"),
        ("VETASSIST_POOL_SIZE", "1001", "must be 1 to 1000"),
        ("VETASSIST_METRICS_PORT", "0", "must be 1 to 65535"),
        ("VETASSIST_SESSION_WARNING_SECONDS", "19", "must be 20 to 86400"),
        ("VETASSIST_SESSION_DELIVERY", "pigeon", "must be one of: query, fragment, code, cookie"),
        ("VETASSIST_JWT_INCLUDE_ICN", "perhaps", "must be true or false"),
        ("VETASSIST_JWT_ISSUER", "a\nb", "must be one line of text"),
    ],
)
def test_a_fault_says_what_the_setting_may_be(name: str, text: str, said: str) -> None:
    assert fault(name, text) == said


def test_a_name_in_lower_case_is_refused_and_not_ignored() -> None:
    assert faults(vetassist_jwt_issuer="x") == [
        "vetassist_jwt_issuer: no such setting; did you mean VETASSIST_JWT_ISSUER?"
    ]


def test_a_setting_of_each_kind_is_read() -> None:
    settings = read(
        required_settings()
        | {
            "VETASSIST_SESSION_DELIVERY": "code",
            "VETASSIST_SESSION_IDLE_MINUTES": "7",
            "VETASSIST_METRICS_PORT": "9464",
            "VETASSIST_LOG_LEVEL": "DEBUG",
            "VETASSIST_JWT_ISSUER": "an issuer",
        }
    )
    assert settings.session_delivery is SessionDelivery.CODE
    assert settings.session_idle_minutes == 7
    assert settings.metrics_port == 9464
    assert settings.log_level == "DEBUG"
    assert settings.jwt_issuer == "an issuer"
