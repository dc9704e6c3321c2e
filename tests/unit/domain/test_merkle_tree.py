"""The Merkle tree of RFC 6962, section 2.1."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.merkle_tree import MerkleTree, leaf_hash, tree_root

CONTENTS = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def root_of(contents: Sequence[bytes]) -> bytes:
    """Returns the Merkle tree hash by the definition in RFC 6962, section 2.1."""
    if not contents:
        return hashlib.sha256(b"").digest()
    if len(contents) == 1:
        return hashlib.sha256(b"\x00" + contents[0]).digest()
    split = split_of(contents)
    return hashlib.sha256(b"\x01" + root_of(contents[:split]) + root_of(contents[split:])).digest()


def path_of(position: int, contents: Sequence[bytes]) -> list[bytes]:
    """Returns the audit path by the definition in RFC 6962, section 2.1.1."""
    if len(contents) == 1:
        return []
    split = split_of(contents)
    left, right = contents[:split], contents[split:]
    if position < split:
        return [*path_of(position, left), root_of(right)]
    return [*path_of(position - split, right), root_of(left)]


def split_of(contents: Sequence[bytes]) -> int:
    """Returns the largest power of two that is smaller than the number of leaves."""
    split = 1
    while split * 2 < len(contents):
        split *= 2
    return split


def test_the_root_over_nothing_is_the_hash_of_nothing() -> None:
    assert tree_root([]) == hashlib.sha256().digest()


@pytest.mark.parametrize(
    ("leaves", "root"),
    [
        # Published with certificate transparency's reference implementation.
        ([""], "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (["", "00"], "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (["", "00", "10"], "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ],
)
def test_published_trees_have_their_published_roots(leaves: list[str], root: str) -> None:
    assert tree_root([leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]).hex() == root


@given(contents=CONTENTS)
def test_the_root_is_the_one_that_the_rfc_defines(contents: list[bytes]) -> None:
    assert tree_root([leaf_hash(content) for content in contents]) == root_of(contents)


@given(contents=CONTENTS)
def test_each_path_is_the_one_that_the_rfc_defines(contents: list[bytes]) -> None:
    tree = MerkleTree([leaf_hash(content) for content in contents])
    for position in range(len(contents)):
        assert tree.path(position) == path_of(position, contents)


@pytest.mark.parametrize("position", [-1, 3, 10])
def test_there_is_no_path_from_where_there_is_no_leaf(position: int) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(3)]
    with pytest.raises(IndexError, match=r"^there is no such leaf$"):
        MerkleTree(leaves).path(position)
