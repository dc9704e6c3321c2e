"""The Merkle tree of RFC 6962, section 2.1."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.merkle_tree import MerkleTree, leaf_hash, root_by_path, tree_root

CONTENTS = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def root_of(contents: Sequence[bytes]) -> bytes:
    """The definition of RFC 6962, word by word."""
    if not contents:
        return hashlib.sha256(b"").digest()
    if len(contents) == 1:
        return hashlib.sha256(b"\x00" + contents[0]).digest()
    split = 1
    while split * 2 < len(contents):
        split *= 2
    return hashlib.sha256(b"\x01" + root_of(contents[:split]) + root_of(contents[split:])).digest()


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
def test_each_path_leads_its_own_leaf_to_the_root_and_no_other(contents: list[bytes]) -> None:
    leaves = [leaf_hash(content) for content in contents]
    tree = MerkleTree(leaves)
    for position, leaf in enumerate(leaves):
        path = tree.path(position)
        assert root_by_path(leaf, position, len(leaves), path) == tree.root
        assert root_by_path(leaf_hash(b"another"), position, len(leaves), path) != tree.root


@given(contents=st.lists(st.binary(max_size=8), min_size=2, max_size=40), data=st.data())
def test_a_path_of_another_length_or_position_does_not_lead_to_the_root(
    contents: list[bytes], data: st.DataObject
) -> None:
    leaves = [leaf_hash(bytes([number]) + content) for number, content in enumerate(contents)]
    tree = MerkleTree(leaves)
    position = data.draw(st.integers(0, len(leaves) - 1))
    path = tree.path(position)
    for odd in (path[:-1], [*path, leaves[0]]):
        with pytest.raises(ValueError, match="the path is too"):
            root_by_path(leaves[position], position, len(leaves), odd)
    other = data.draw(st.integers(0, len(leaves) - 1).filter(lambda each: each != position))
    with suppress(ValueError):
        assert root_by_path(leaves[position], other, len(leaves), path) != tree.root


@pytest.mark.parametrize("position", [-1, 3, 10])
def test_there_is_no_path_from_where_there_is_no_leaf(position: int) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(3)]
    with pytest.raises(IndexError):
        MerkleTree(leaves).path(position)
    with pytest.raises(ValueError, match="no such leaf"):
        root_by_path(leaves[0], position, 3, [])
