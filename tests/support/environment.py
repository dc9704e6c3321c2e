"""What an operator sets: a complete environment, and the secrets in files."""

import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

from entrypoints.settings import Settings
from entrypoints.settings_reader import read_settings

PREFIX = "VETASSIST_"


def generated_secrets() -> dict[str, str]:
    """A fresh value for every secret."""
    return {
        "VETASSIST_JWT_SECRET": secrets.token_hex(32),
        "VETASSIST_AUDIT_KEY": secrets.token_hex(32),
        "VETASSIST_TOKEN_KEYS": token_key("k1"),
        "VETASSIST_VA_CLIENT_SECRET": secrets.token_urlsafe(32),
    }


def token_key(key_id: str) -> str:
    """A fresh entry of VETASSIST_TOKEN_KEYS."""
    return f"{key_id}:{urlsafe_b64encode(secrets.token_bytes(32)).decode()}"


def token_keys(master_keys: Mapping[str, bytes]) -> str:
    """VETASSIST_TOKEN_KEYS of these keys, the newest first."""
    return ",".join(
        f"{key_id}:{urlsafe_b64encode(key).decode()}" for key_id, key in master_keys.items()
    )


def required_settings(database_url: str = "postgresql://localhost/vetassist") -> dict[str, str]:
    """What has no default, and nothing else."""
    return {
        "VETASSIST_DATABASE_URL": database_url,
        "VETASSIST_VA_CLIENT_ID": "vetassist_test",
        **generated_secrets(),
    }


def plain_environment() -> dict[str, str]:
    """This process's environment without any setting of the service."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def write_secrets(folder: Path, values: Mapping[str, str]) -> Path:
    """A secrets directory: one file a setting, for its owner only."""
    folder.mkdir(mode=0o700)
    for name, value in values.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(value + "\n")
    return folder


def read(values: Mapping[str, str]) -> Settings:
    """The settings of a process whose environment holds ``values`` and nothing else."""
    with patch.dict(os.environ, values, clear=True):
        return read_settings(os.environ)
