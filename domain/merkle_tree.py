"""Merkle trees over audit events (RFC 6962, section 2.1).

Leaves and nodes are hashed with different prefixes, so that one can't pass for the other.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, final

#: The length of every hash in bytes.
HASH_BYTES: Final = 32
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_hash(content: bytes) -> bytes:
    """Returns the hash of a leaf with this content."""
    return hashlib.sha256(_LEAF + content).digest()


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Returns the root over leaf hashes. Over no leaves, it is the hash of the empty string."""
    return MerkleTree(leaves).root


@final
class MerkleTree:
    """The tree over leaf hashes.

    RFC 6962 splits the leaves at the largest power of two. Pairing the nodes of each level from
    the left, and moving an odd last node up unchanged, builds the same tree.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_level_above(self._levels[-1]))

    @property
    def root(self) -> bytes:
        """The Merkle tree hash of RFC 6962."""
        (root,) = self._levels[-1] or [hashlib.sha256().digest()]
        return root

    def path(self, position: int) -> list[bytes]:
        """Returns the audit path of a leaf, lowest node first (RFC 6962, section 2.1.1).

        Raises:
            IndexError: There is no leaf at this position.
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


def _level_above(level: Sequence[bytes]) -> list[bytes]:
    above = [_node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*above, level[-1]] if len(level) % 2 else above


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
