"""Commands that refuse what a command line can't mean, and end in one line whatever happens."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, final

import typer
from typer.core import TyperCommand, TyperGroup

from entrypoints.starting import EXIT_SETTINGS, EXIT_UNFORESEEN, fail

_F = TypeVar("_F", bound=Callable[..., Any])


@final
class StrictCommand(TyperCommand):
    """Refuses an option that is given twice, and never ends in a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line. The library alone would use the last of several values."""
        with _one_line_of(ctx):
            return self._parse_args(ctx, args)

    def _parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        values, surplus, given = self.make_parser(ctx).parse_args(args=list(args))
        if not values.get("help"):
            repeated = [
                max(parameter.opts, key=len)
                for parameter, times in Counter(given).items()
                if times > 1 and not getattr(parameter, "multiple", False)
            ]
            if repeated:
                fail([f"{name} may be given only once" for name in repeated], EXIT_SETTINGS)
            if surplus:
                # What they are isn't repeated: it may be a name or an ICN.
                fail([f"arguments given beyond those of `{ctx.command_path}`"], EXIT_SETTINGS)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command. An error that nobody foresaw becomes one line, without its message."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, EOFError, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - the last resort, for what is a bug
            # Imported here, so that `--help` is fast.
            from entrypoints.logs import description_of

            description = description_of(error)
            place = description["places"][-1]
            fail([f"unforeseen {description['error']} at {place}"], EXIT_UNFORESEEN)


@final
class StrictGroup(TyperGroup):
    """Says in one line what a command line lacks, and lists its commands if that is all of it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what comes before the command's name."""
        if not args:
            return super().parse_args(ctx, args)
        with _one_line_of(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command. What was given instead of one isn't repeated: it may be a name."""
        if args[0] not in self.commands:
            similar = difflib.get_close_matches(args[0].lower(), self.commands)
            hint = (
                f"did you mean {' or '.join(similar)}?"
                if similar
                else f"it is one of {', '.join(self.commands)}"
            )
            fail([f"`{ctx.command_path}` has no such command; {hint}"], EXIT_SETTINGS)
        return super().resolve_command(ctx, args)


@contextmanager
def _one_line_of(ctx: Any) -> Iterator[None]:
    """Exit with one line, instead of the library's box, if a command line can't be used."""
    try:
        yield
    except typer.TyperException as error:
        fault = " ".join(error.format_message().split()).rstrip(".")
        fault = fault[:1].lower() + fault[1:]
        fail([f"{fault}; `{ctx.command_path} --help` says more"], EXIT_SETTINGS)


class StrictTyper(typer.Typer):
    """A group of strict commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"cls": StrictGroup} | options))

    def command(self, name: str | None = None, **options: Any) -> Callable[[_F], _F]:
        """Add a strict command. The parameters are those of Typer."""
        return super().command(name, **({"cls": StrictCommand} | options))
