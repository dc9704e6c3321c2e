"""Checks an export of the audit trail. Needs only Python 3.11, and no database.

    python verify_audit_export.py EXPORT [--checkpoints FILE] [--key-file FILE] [--whole]

``EXPORT`` is a file that ``vetassist audit export`` wrote. ``--checkpoints`` is a file with the
checkpoints that the service wrote outside the database. ``--key-file`` is a file with an audit
key (VETASSIST_AUDIT_KEY, in hexadecimal). Repeat both for each file: all are used. ``--whole``
also checks that nothing was left out, for an export without bounds. docs/audit.md says what each
of them proves.

The exit code is 0 if everything matches, 1 if something doesn't, and 2 if the export can't be
checked because a file can't be read or has the wrong format.
"""

import argparse
import hashlib
import hmac
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_LABEL: Final = b"vetassist audit/"
_GENESIS: Final = "00" * 32
_KEY_BYTES: Final = 32
_HEX: Final = re.compile("(?:[0-9a-f]{2})*")
_Check = Callable[[object], bool]


class InvalidInputError(Exception):
    """An input has the wrong format. The message is one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Checks one export and returns the exit code."""
    parser = argparse.ArgumentParser(description="Checks an export of the audit trail.")
    parser.add_argument("export", type=Path, help="a file written by `vetassist audit export`")
    parser.add_argument(
        "--checkpoints", type=Path, action="append", default=[], help="a file with checkpoints"
    )
    parser.add_argument(
        "--key-file", type=Path, action="append", default=[], help="a file with an audit key"
    )
    parser.add_argument("--whole", action="store_true", help="check that nothing was left out")
    options = parser.parse_args(arguments)
    try:
        return _check(options)
    except InvalidInputError as error:
        print(f"can't check: {error}", file=sys.stderr)
    except OSError as error:
        print(f"can't check: {error.filename}: {error.strerror}", file=sys.stderr)
    return 2


def _check(options: argparse.Namespace) -> int:
    if not options.checkpoints and not options.key_file:
        raise InvalidInputError("give a key or checkpoints: without them an export proves nothing")
    export = _Export(dict(_key(file) for file in options.key_file))
    faults = [f"line {line}: {fault}" for line, fault in export.read(options.export)]
    if options.whole:
        faults += export.gaps()
    newest = 0
    if options.checkpoints:
        fault, newest = _fault_of_chain(export.batches, options.checkpoints)
        faults += [] if fault is None else [fault]
    for fault in faults:
        print(fault)
    if faults:
        return 1
    proofs = ["sealed with the audit key"] * bool(export.keys)
    if options.checkpoints:
        proofs.append(f"sealed before checkpoint {newest} was written")
    if options.whole:
        proofs.append(f"with nothing left out up to batch {max(export.batches)}")
    print(f"{export.rows} rows in {len(export.batches)} batches: {' and '.join(proofs)}")
    return 0


class _Export:
    """Reads the lines of an export in order. Keeps the headers of batches, but not the rows."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self.keys = keys
        self.rows = 0
        #: Header, MAC and hash of each batch, by its number.
        self.batches: dict[int, dict[str, Any]] = {}
        self._rows_of: dict[int, int] = {}
        self._closed: set[int] = set()
        self._dropped: dict[str, int] = {}
        self._last = (0, -1)

    def read(self, file: Path) -> Iterator[tuple[int, str]]:
        """Yields the number and the fault of each line that doesn't match."""
        number = 0
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                fault = self._fault_of(_record(number, line))
                if fault is not None:
                    yield number, fault
        if not number:
            raise InvalidInputError(f"{file}: the file is empty")

    def _fault_of(self, record: dict[str, Any]) -> str | None:
        if record["type"] == "drop":
            return self._fault_of_drop(record)
        number = record["batch"]["number"]
        fault = self._fault_of_seal(record) or self._fault_of_place(record)
        if record["type"] == "batch":
            self._closed.add(number)
        elif fault is None and not _is_sealed(record):
            fault = "the row isn't part of the batch"
        elif fault is None:
            self.rows += 1
            self._rows_of[number] = self._rows_of.get(number, 0) + 1
        return None if fault is None else f"batch {number}: {fault}"

    def _fault_of_seal(self, record: dict[str, Any]) -> str | None:
        header = record["batch"]
        if record["hash"] != _hash_of(header, record["mac"]):
            return "its hash doesn't match"
        known = self.batches.get(header["number"])
        if known is None:
            self.batches[header["number"]] = {name: record[name] for name in _SEAL}
        elif known["hash"] != record["hash"]:
            return "its header contradicts an earlier line"
        if not self.keys:
            return None
        key = self.keys.get(header["key_id"])
        if key is None:
            return "sealed with a key that was not given"
        made = hmac.new(key, _encoded(header), "sha256").hexdigest()
        return None if hmac.compare_digest(made, record["mac"]) else "not sealed with the audit key"

    def _fault_of_place(self, record: dict[str, Any]) -> str | None:
        """Checks the order: batches by number, and in a batch its rows, then its own line."""
        header = record["batch"]
        is_row = record["type"] == "row"
        place = (header["number"], record["position"] if is_row else header["count"])
        if place <= self._last:
            return "the line appears twice or out of order"
        self._last = place
        return None

    def _fault_of_drop(self, record: dict[str, Any]) -> str | None:
        """Checks the MAC of a dropped month. Without the key, the line proves nothing."""
        key = self.keys.get(record["key_id"])
        if key is None:
            return "the drop is authenticated with a key that was not given" if self.keys else None
        names = ("month", "last_batch", "rows", "dropped_at", "key_id")
        facts = json.dumps([record[name] for name in names], separators=(",", ":"))
        made = hmac.new(key, b"dropped\0" + facts.encode(), "sha256").hexdigest()
        if not hmac.compare_digest(made, record["mac"]):
            return f"the drop of month {record['month']!r} is not authenticated with the audit key"
        self._dropped[record["month"]] = record["last_batch"]
        return None

    def gaps(self) -> Iterator[str]:
        """Yields what is missing from an export without bounds."""
        previous, total = _GENESIS, 0
        for number in range(1, max(self.batches, default=0) + 1):
            if number not in self.batches:
                yield f"batch {number} is missing"
                return
            record = self.batches[number]
            header = record["batch"]
            found, count, total = (
                self._rows_of.get(number, 0),
                header["count"],
                total + header["count"],
            )
            if number not in self._closed:
                yield f"batch {number}: the batch line is missing"
            if found != count and (found or number > self._dropped.get(header["month"], 0)):
                yield f"batch {number}: {count - found} of its {count} rows are missing"
            if (header["previous"], header["total"]) != (previous, total):
                yield f"batch {number} is not chained to the batch before"
            previous = record["hash"]
        if not self.batches:
            yield "the export contains no batch"


def _is_sealed(record: dict[str, Any]) -> bool:
    """Whether the path leads from the row to the root in the header."""
    header = record["batch"]
    leaf = hashlib.sha256(b"\x00" + record["row"].encode()).digest()
    path = [bytes.fromhex(node) for node in record["path"]]
    root = _root(leaf, record["position"], header["count"], path)
    return root is not None and root.hex() == header["root"]


def _record(number: int, line: bytes) -> dict[str, Any]:
    """Returns the record of a line, which must have exactly the format in docs/audit.md."""
    if not line.endswith(b"\n"):
        raise InvalidInputError(f"line {number}: has no line feed, so the file was truncated")
    try:
        record = json.loads(
            line.decode(), object_pairs_hook=_unique_names, parse_constant=_refuse_constant
        )
        # Half of a surrogate pair can't be encoded.
        json.dumps(record, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as fault:
        raise InvalidInputError(f"line {number}: is not JSON: {_message_of(fault)}") from fault
    kind = record.get("type") if isinstance(record, dict) else None
    shape = _LINES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise InvalidInputError(f"line {number}: has an unknown type")
    fault_of_shape = _fault_of_shape(record, shape)
    if fault_of_shape is not None:
        raise InvalidInputError(f"line {number}: {fault_of_shape}")
    found: dict[str, Any] = record
    return found


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        raise ValueError("a name appears twice")
    return names


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def _message_of(fault: Exception) -> str:
    return str(fault).partition(":")[0] or type(fault).__name__


def _fault_of_shape(record: Mapping[str, Any], shape: Mapping[str, _Check]) -> str | None:
    """Returns why an object doesn't have exactly these names with valid values, or None."""
    for name in shape:
        if name not in record:
            return f"{name} is missing"
    for name, value in record.items():
        if name not in shape:
            return "there is an unknown name"
        if not shape[name](value):
            return f"{name} has an invalid value"
    return None


def _is_number(value: object) -> bool:
    return type(value) is int


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and len(value) == len(_GENESIS) and bool(_HEX.fullmatch(value))


def _is_path(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_hash, value))


def _is_horizon(value: object) -> bool:
    return isinstance(value, list) and len(value) == len("ab") and all(map(_is_number, value))


def _is_header(value: object) -> bool:
    return isinstance(value, dict) and _fault_of_shape(value, _HEADER) is None


_HEADER: Final[Mapping[str, _Check]] = {
    "format": lambda value: _is_number(value) and value == 1,
    "number": lambda value: isinstance(value, int) and _is_number(value) and value > 0,
    "month": _is_text,
    "count": lambda value: isinstance(value, int) and _is_number(value) and value > 0,
    "total": _is_number,
    "first_row": _is_number,
    "last_row": _is_number,
    "root": _is_hash,
    "previous": _is_hash,
    "horizon": _is_horizon,
    "sealed_at": _is_text,
    "key_id": _is_text,
}
_SEAL: Final[Mapping[str, _Check]] = {"batch": _is_header, "mac": _is_hash, "hash": _is_hash}
_LINES: Final[Mapping[str, Mapping[str, _Check]]] = {
    "row": {"type": _is_text, "row": _is_text, "position": _is_number, "path": _is_path, **_SEAL},
    "batch": {"type": _is_text, **_SEAL},
    "drop": {
        "type": _is_text,
        "month": _is_text,
        "last_batch": _is_number,
        "rows": _is_number,
        "dropped_at": _is_text,
        "key_id": _is_text,
        "mac": _is_hash,
    },
}


def _fault_of_chain(
    batches: dict[int, dict[str, Any]], checkpoints: Sequence[Path]
) -> tuple[str | None, int]:
    """Returns why the batches don't chain to the newest checkpoint among them, or None.

    Returns:
        The fault or None, and the batch number of that checkpoint.
    """
    known: dict[int, set[str]] = {}
    for file in checkpoints:
        _add_hashes_of(file, known)
    for number, hashes in known.items():
        if number in batches and hashes != {batches[number]["hash"]}:
            return f"batch {number} differs from its checkpoint", 0
    newest = max(known.keys() & batches.keys(), default=None)
    if newest is None:
        return "there is no checkpoint for any of these batches", 0
    if max(batches) > newest:
        return f"batch {newest + 1} has no checkpoint yet", 0
    for number in range(min(batches), newest):
        after = batches.get(number + 1)
        if number not in batches or after is None:
            return f"batch {number + 1} is missing, so the chain doesn't reach a checkpoint", 0
        if after["batch"]["previous"] != batches[number]["hash"]:
            return f"batch {number + 1} is not chained to the batch before", 0
    return None, newest


def _add_hashes_of(checkpoints: Path, known: dict[int, set[str]]) -> None:
    """Adds the hashes of the checkpoints in a file by batch number. Ignores all other lines."""
    with checkpoints.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                record = json.loads(line[max(line.find("{"), 0) :])
            except (ValueError, RecursionError):
                continue
            if not isinstance(record, dict) or _fault_of_shape(record, _SEAL) is not None:
                continue
            if record["hash"] == _hash_of(record["batch"], record["mac"]):
                known.setdefault(record["batch"]["number"], set()).add(record["hash"])


def _root(leaf: bytes, position: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """Returns the root that an audit path leads to (RFC 6962 section 2.1.1), or None."""
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
    """Returns the id of an audit key and its subkey for seals."""
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError as fault:
        raise InvalidInputError(f"{file}: the key is not hexadecimal") from fault
    if len(key) < _KEY_BYTES:
        raise InvalidInputError(f"{file}: the key is too short")
    return _derived(key, b"key id", 8).hex(), _derived(key, b"seals", 32)


def _derived(key: bytes, purpose: bytes, length: int) -> bytes:
    """Derives up to 32 bytes with HKDF-SHA256 (RFC 5869) without a salt."""
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, _LABEL + purpose + b"\x01", "sha256")[:length]


if __name__ == "__main__":
    sys.exit(main())
