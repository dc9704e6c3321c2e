"""Compiled templates, shared by all products of a test run."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import final

import pytest
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket

from entrypoints.sandbox import sign_in_pages
from entrypoints.web.pages import renderer


@final
class _InMemory(BytecodeCache):
    """Keeps the code of each template. Jinja compares it with the template's source."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if (code := self._code.get(bucket.key)) is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


@contextmanager
def compiled_once() -> Iterator[None]:
    """Compile each template once. Each product has an environment of its own, and no test minds."""
    shared = partial(Environment, bytecode_cache=_InMemory())
    with pytest.MonkeyPatch.context() as patch:
        for module in (renderer, sign_in_pages):
            patch.setattr(module, "Environment", shared)
        yield
