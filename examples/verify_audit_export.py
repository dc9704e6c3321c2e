"""Checks an export of the audit trail. Needs Python 3.11 and nothing else, no database either.

    python verify_audit_export.py EXPORT [--checkpoints FILE] [--key-file FILE]

``EXPORT`` is what ``vetassist audit export`` wrote, ``--checkpoints`` what the service told a
log collector, ``--key-file`` a file with the audit key (VETASSIST_AUDIT_KEY, in hexadecimal);
give it once for each key. docs/audit.md says what each of them proves.

It exits with 0 when everything fits, 1 when something does not, 2 when it cannot tell.
"""

import argparse
import hashlib
import hmac
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

_LABEL: Final = b"vetassist audit/"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one export; the exit code."""
    parser = argparse.ArgumentParser(description="Checks an export of the audit trail.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--checkpoints", type=Path)
    parser.add_argument("--key-file", type=Path, action="append", default=[])
    given = parser.parse_args(arguments)
    if given.checkpoints is None and not given.key_file:
        print("without a key or checkpoints an export proves nothing", file=sys.stderr)
        return 2
    keys = dict(_key(file) for file in given.key_file)
    batches: dict[int, dict[str, Any]] = {}
    faults = rows = 0
    for line, record in _records(given.export):
        fault = _fault_of(record, batches, keys)
        if fault is not None:
            faults += 1
            print(f"line {line}: {fault}")
        rows += record.get("type") == "row"
    told = 0
    if given.checkpoints is not None:
        fault, told = _fault_of_chain(batches, given.checkpoints)
        if fault is not None:
            faults += 1
            print(fault)
    if faults:
        return 1
    proofs = ["sealed with the audit key"] * bool(keys)
    if given.checkpoints is not None:
        proofs.append(f"sealed before checkpoint {told} was told")
    print(f"{rows} rows in {len(batches)} batches: {' and '.join(proofs)}")
    return 0


def _records(export: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with export.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            yield number, json.loads(line)


def _fault_of(
    record: dict[str, Any], batches: dict[int, dict[str, Any]], keys: dict[str, bytes]
) -> str | None:
    """What is wrong with one line; the batch it names is noted in ``batches``."""
    header = record["batch"]
    number = header["number"]
    if record["hash"] != _hash_of(header, record["mac"]):
        return f"batch {number}: its hash is another one"
    if batches.setdefault(number, record)["hash"] != record["hash"]:
        return f"batch {number}: told of in two ways"
    if keys:
        key = keys.get(header["key_id"])
        if key is None:
            return f"batch {number}: sealed under the key {header['key_id']}, which was not given"
        made = hmac.new(key, _encoded(header), "sha256").hexdigest()
        if not hmac.compare_digest(made, record["mac"]):
            return f"batch {number}: not sealed with the audit key"
    if record["type"] == "row":
        leaf = hashlib.sha256(b"\x00" + record["row"].encode()).digest()
        path = [bytes.fromhex(node) for node in record["path"]]
        root = _root(leaf, record["position"], header["count"], path)
        if root is None or root.hex() != header["root"]:
            return f"batch {number}: the row was not sealed in it"
    return None


def _fault_of_chain(
    batches: dict[int, dict[str, Any]], checkpoints: Path
) -> tuple[str | None, int]:
    """What keeps the batches from leading to the newest checkpoint among them, and which it is."""
    told = _told(checkpoints)
    for number, hashes in told.items():
        if number in batches and hashes != {batches[number]["hash"]}:
            return f"batch {number}: a checkpoint tells of another one", 0
    newest = max(told.keys() & batches.keys(), default=None)
    if newest is None:
        return "no checkpoint tells of any of these batches", 0
    if max(batches) > newest:
        return f"batch {newest + 1}: no checkpoint tells of it yet", 0
    for number in range(min(batches), newest):
        after = batches.get(number + 1)
        if number not in batches or after is None:
            return f"batch {number + 1}: is missing, so nothing leads to a checkpoint", 0
        if after["batch"]["previous"] != batches[number]["hash"]:
            return f"batch {number + 1}: is not chained to the one before", 0
    return None, newest


def _told(checkpoints: Path) -> dict[int, set[str]]:
    """The hashes that were told, by number of batch; lines that are no checkpoints are left out."""
    told: dict[int, set[str]] = {}
    with checkpoints.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                record = json.loads(line[max(line.find("{"), 0) :])
                if record["hash"] == _hash_of(record["batch"], record["mac"]):
                    told.setdefault(record["batch"]["number"], set()).add(record["hash"])
            except (ValueError, KeyError, TypeError):
                continue
    return told


def _root(leaf: bytes, position: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The root that an audit path leads to (RFC 6962 section 2.1.1), or None."""
    if not 0 <= position < count:
        return None
    node, last, used = leaf, count - 1, 0
    while last > 0:
        if position & 1 or position < last:
            if used == len(path):
                return None
            sibling, used = path[used], used + 1
            pair = sibling + node if position & 1 else node + sibling
            node = hashlib.sha256(b"\x01" + pair).digest()
        position, last = position >> 1, last >> 1
    return node if used == len(path) else None


def _encoded(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _hash_of(header: dict[str, Any], mac: str) -> str:
    return hashlib.sha256(_encoded(header) + bytes.fromhex(mac)).hexdigest()


def _key(file: Path) -> tuple[str, bytes]:
    """The id of an audit key, and its subkey for seals."""
    key = bytes.fromhex(file.read_text().strip())
    return _derived(key, b"key id", 8).hex(), _derived(key, b"seals", 32)


def _derived(key: bytes, purpose: bytes, length: int) -> bytes:
    """HKDF-SHA256 (RFC 5869) without a salt, for up to 32 bytes."""
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, _LABEL + purpose + b"\x01", "sha256")[:length]


if __name__ == "__main__":
    sys.exit(main())
