"""How a back end gets VA's token: the commands of docs/backends.md, run as they are written."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.product import Browser, Sandbox
from tests.support.whole_product import WholeProduct

ROOT: Final = Path(__file__).parents[2]
SECTION: Final = (ROOT / "docs" / "backends.md").read_text().partition("## Act for a Veteran")[2]
COMMANDS: Final = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(
        not (shutil.which("openssl") and shutil.which("curl")), reason="needs openssl and curl"
    ),
]


def run(product: WholeProduct, command: str, folder: Path, **variables: str) -> str:
    """Run commands in a folder; what they print."""
    for written, here in (
        (".venv/bin/python", sys.executable),
        ("vetassist ", f"{Path(sys.executable).parent / 'vetassist'} "),
        ("http://localhost:8000", product.url),
    ):
        command = command.replace(written, here)
    done = subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=folder,
        env={**product.environment, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def value(printed: str, name: str) -> str:
    found = re.search(rf"^{name}: (.+)$", printed, re.MULTILINE)
    assert found, printed
    return found[1]


async def a_token(product: WholeProduct) -> str:
    async with httpx.AsyncClient(base_url=product.url, trust_env=False) as http:
        return (await Browser(http, Sandbox()).sign_in()).token


async def test_the_commands_lead_to_a_token_with_a_key_and_with_a_secret(
    product: WholeProduct, tmp_path: Path
) -> None:
    register, with_secret, with_key = COMMANDS
    token = await a_token(product)

    registered = run(product, register, tmp_path)
    told = run(product, with_key, tmp_path, CLIENT_ID=value(registered, "client_id"), TOKEN=token)

    assert re.fullmatch(
        r"Got a token for .*veteran_status\.read.*, valid for \d+ seconds\.\n", told
    )

    by_secret = register.replace("--public-key client.pub.pem", "--secret")
    assert by_secret != register
    registered = run(product, by_secret, tmp_path)
    answer = json.loads(
        run(
            product,
            with_secret,
            tmp_path,
            CLIENT_ID=value(registered, "client_id"),
            CLIENT_SECRET=value(registered, "client_secret"),
            TOKEN=token,
        )
    )

    assert answer["token_type"] == "Bearer"
    assert answer["scope"].split().count("veteran_status.read") == 1
    async with httpx.AsyncClient(base_url=product.url, trust_env=False) as http:
        account = await http.get("/api/v1/va/uses", headers={"Authorization": f"Bearer {token}"})
    assert [each["client"] for each in account.json()["uses"][:2]] == ["Benefits assistant"] * 2
