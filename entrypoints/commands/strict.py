"""Commands that refuse what a command line can't mean, and end in one line whatever happens."""

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
        with _faults_in_one_line(ctx):
            return self._parse(ctx, args)

    def _parse(self, ctx: Any, args: list[str]) -> list[str]:
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
    """A group that refuses in one line what it can't mean. The library alone draws a box."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what precedes the command. If nothing is given, the library shows the help."""
        if not args:
            return super().parse_args(ctx, args)
        with _faults_in_one_line(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command."""
        with _faults_in_one_line(ctx):
            return super().resolve_command(ctx, args)


class StrictTyper(typer.Typer):
    """A group of strict commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"cls": StrictGroup} | options))

    def command(self, name: str | None = None, **options: Any) -> Callable[[_F], _F]:
        """Add a strict command. The parameters are those of Typer."""
        return super().command(name, **({"cls": StrictCommand} | options))


@contextmanager
def _faults_in_one_line(ctx: Any) -> Iterator[None]:
    try:
        yield
    except typer.TyperException as error:
        said = " ".join(error.format_message().split()).rstrip(".")
        line = f"{said[:1].lower()}{said[1:]}: see `{ctx.command_path} --help`"
        fail([line], EXIT_SETTINGS)
