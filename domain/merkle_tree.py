"""Merkle trees over the audit trail, as RFC 6962 section 2.1 defines them.

Leaves and nodes are hashed with different prefixes, so that neither can pass for the other.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, final

#: Bytes of every hash.
HASH_BYTES: Final = 32
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_hash(content: bytes) -> bytes:
    """The hash of a leaf that holds ``content``."""
    return hashlib.sha256(_LEAF + content).digest()


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash over leaf hashes; over none, the hash of nothing."""
    return MerkleTree(leaves).root


@final
class MerkleTree:
    """The tree over leaf hashes.

    RFC 6962 splits at the largest power of two; to pair up each level from the left, and to
    carry an odd last node up as it is, gives the same tree.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_level_above(self._levels[-1]))

    @property
    def root(self) -> bytes:
        """The Merkle tree hash."""
        (root,) = self._levels[-1] or [hashlib.sha256().digest()]
        return root

    def path(self, position: int) -> list[bytes]:
        """The nodes that lead from a leaf to the root, lowest first (RFC 6962 section 2.1.1).

        Raises:
            IndexError: There is no such leaf.
        """
        if not 0 <= position < len(self._levels[0]):
            raise IndexError("there is no such leaf")
        path = []
        for level in self._levels[:-1]:
            sibling = position ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            position >>= 1
        return path


def root_by_path(leaf: bytes, position: int, count: int, path: Sequence[bytes]) -> bytes:
    """The root that a path gives for a leaf of a tree of ``count`` leaves.

    Raises:
        ValueError: No leaf at this position has a path of this length.
    """
    if not 0 <= position < count:
        raise ValueError("there is no such leaf")
    node, last = leaf, count - 1
    steps = iter(path)
    while last > 0:
        if position & 1 or position < last:
            sibling = next(steps, None)
            if sibling is None:
                raise ValueError("the path is too short")
            node = _node_hash(sibling, node) if position & 1 else _node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if next(steps, None) is not None:
        raise ValueError("the path is too long")
    return node


def _level_above(level: Sequence[bytes]) -> list[bytes]:
    above = [_node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*above, level[-1]] if len(level) % 2 else above


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
