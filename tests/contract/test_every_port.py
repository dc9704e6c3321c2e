"""No port without a suite of its promises, nor without an adapter in memory."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PORTS = sorted(
    path.stem for path in (REPOSITORY / "application" / "ports").glob("*.py") if path.stem[0] != "_"
)


@pytest.mark.parametrize("port", PORTS)
def test_a_port_has_an_adapter_in_memory_and_a_suite(port: str) -> None:
    assert (REPOSITORY / "adapters" / "memory" / f"{port}.py").is_file()
    assert (REPOSITORY / "tests" / "contract" / f"test_{port}.py").is_file()
