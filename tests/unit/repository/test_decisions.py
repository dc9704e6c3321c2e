"""A decision is a type. Production code never decides by a reason: that is for audit and log."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
PACKAGES = ("domain", "application", "adapters", "entrypoints")


def decisions_by_reason(source: str) -> list[str]:
    """The places where a reason is compared, looked up, or part of a condition."""
    tree = ast.parse(source)
    return [
        ast.unparse(part)
        for node in ast.walk(tree)
        for part in _deciding_parts(node)
        if any(_is_reason(inner) for inner in ast.walk(part))
    ]


def _deciding_parts(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()) | ast.MatchClass():
            yield node
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
            yield node.test
        case ast.Match(subject=part) | ast.Subscript(slice=part):
            yield part
        case ast.match_case(guard=ast.expr() as part):
            yield part
        case ast.comprehension():
            yield from node.ifs
        case ast.Call(func=ast.Attribute(attr="get"), args=arguments):
            yield from arguments


def _is_reason(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr="reason") | ast.Name(id="reason"):
            return True
        case ast.MatchClass():
            return "reason" in node.kwd_attrs
    return False


@pytest.mark.parametrize("package", PACKAGES)
def test_no_production_code_decides_by_a_reason(package: str) -> None:
    found = {
        str(path.relative_to(REPOSITORY)): places
        for path in (REPOSITORY / package).rglob("*.py")
        if (places := decisions_by_reason(path.read_text()))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "if error.reason == 'x': pass",
        "known = 'x' != reason",
        "level = 1 if failed.reason in FATAL else 2",
        "is_fatal = error.reason in FATAL",
        "while reason: pass",
        "assert error.reason",
        "is_known = not reason",
        "is_known = reason or other",
        "if error.reason.startswith('x'): pass",
        "match error.reason:\n    case 'x': pass",
        "match error:\n    case Refused(reason='x'): pass",
        "match error:\n    case Refused() if is_fatal(error.reason): pass",
        "fatal = [error for error in errors if error.reason is FATAL]",
        "status = STATUS[error.reason]",
        "status = STATUS.get(error.reason)",
    ],
)
def test_a_decision_by_a_reason_is_found(source: str) -> None:
    assert decisions_by_reason(source)


@pytest.mark.parametrize(
    "source",
    [
        "log.warning('refused', reason=error.reason)",
        "raise RefusedError(error.reason) from error",
        "if isinstance(error, RefusedError): note(reason=error.reason)",
    ],
)
def test_a_reason_may_be_recorded(source: str) -> None:
    assert not decisions_by_reason(source)
