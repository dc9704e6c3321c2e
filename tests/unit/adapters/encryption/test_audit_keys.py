"""One audit key, and what is derived from it."""

import re
import secrets

from adapters.encryption.audit_keys import AuditKey, AuditKeyRing


def test_each_purpose_has_a_key_of_its_own() -> None:
    key = secrets.token_bytes(32)
    derived = AuditKey(key)

    assert len({key, derived.for_pseudonyms, derived.for_seals}) == 3
    assert len(derived.for_pseudonyms) == len(derived.for_seals) == 32
    assert re.fullmatch(r"[0-9a-f]{16}", derived.id)
    assert bytes.fromhex(derived.id) not in key + derived.for_pseudonyms + derived.for_seals


def test_what_is_derived_stays_the_same() -> None:
    # Ids and pseudonyms stand in stored trails: another derivation would orphan them.
    derived = AuditKey(bytes(range(32)))
    again = AuditKey(bytes(range(32)))

    assert derived.id == again.id == "c0863acb16433828"
    assert derived.for_pseudonyms == again.for_pseudonyms
    assert derived.for_seals == again.for_seals


def test_a_key_shows_nothing_but_its_id() -> None:
    derived = AuditKey(secrets.token_bytes(32))
    assert repr(derived) == f"AuditKey({derived.id})"


def test_a_ring_finds_the_key_in_use_and_those_of_before_by_their_ids() -> None:
    new, old, unknown = (secrets.token_bytes(32) for _ in range(3))
    ring = AuditKeyRing(new, [old])

    assert ring.current.id == AuditKey(new).id
    assert [ring.find(AuditKey(key).id) is not None for key in (new, old, unknown)] == [
        True,
        True,
        False,
    ]
