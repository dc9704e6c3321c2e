"""Gets a Veteran's VA access token, with the private key of a registered back end.

See docs/backends.md for how to try it.
"""

import os
import sys
from pathlib import Path

from vetassist_client import VATokens
from vetassist_client.client_key import ClientKey


def main(purpose: str, scope: str) -> None:
    """Gets a token and prints its scope and lifetime, but not the token itself."""
    service_url = os.environ["VETASSIST_URL"]
    key = ClientKey(
        os.environ["CLIENT_ID"],
        Path(os.environ["CLIENT_KEY"]).read_bytes(),
        audience=os.environ.get("VETASSIST_PUBLIC_URL", service_url),
    )
    with VATokens(service_url, key) as tokens:
        token = tokens.token(os.environ["TOKEN"], purpose=purpose, scope=scope)
    print(f"Got a token for {token.scope}, valid for {token.expires_in} seconds.")


if __name__ == "__main__":
    main(*sys.argv[1:])
