"""A command line read by tyro: options from a signature and a docstring, help that fits, mistakes in one line.

In: a function or a dataclass whose docstring describes its parameters. Out: what tyro makes of the command line. A
wrong one is a `UserError` that names the nearest option there is; `--help` is printed by help_text.py.
"""

import contextlib
import functools
import io
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from radiogen.core.errors import UserError
from radiogen.core.terminal.help_text import help_text, option_names
from radiogen.core.wording import nearest, this_program

HELP = ("-h", "--help")


def call_main(main: Callable[..., object]) -> object:
    """Call `main` with the options of the command line, which follow from its signature and its docstring."""

    @functools.wraps(main)
    def bind(*given: object, **options: object) -> Callable[[], object]:
        return functools.partial(main, *given, **options)

    return parse(bind)()


def parse(target: Callable[..., Any], arguments: list[str] | None = None, **settings: Any) -> Any:
    """`tyro.cli(target, args=arguments, **settings)`, whose `--help` fits and whose mistakes are UserErrors.

    arguments: the words after the command; None: those of this process.
    """
    import tyro

    words = sys.argv[1:] if arguments is None else arguments
    if any(word in HELP for word in words):
        print(help_text(target, **settings))
        raise SystemExit(0)
    with usage_in_one_line(lambda: option_names(target, **settings)):
        return tyro.cli(target, args=arguments, **settings)


@contextlib.contextmanager
def usage_in_one_line(options: Callable[[], list[str]] = list) -> Iterator[None]:
    """Turn tyro's message about a wrong command line, a box of many lines, into a `UserError`.

    options: gives the options that there are, of which the nearest is named.
    """
    shown, sys.stderr = sys.stderr, io.StringIO()
    try:
        yield
    except SystemExit as end:
        if end.code != 2:
            raise
        problem = _first_part(sys.stderr.getvalue())
        raise UserError(Path(sys.argv[0]).name, problem + _suggested(problem, options),
                        f"see {this_program()} --help") from None
    finally:
        printed, sys.stderr = sys.stderr.getvalue(), shown
        if sys.exc_info()[0] is None and printed:
            print(printed, end="", file=sys.stderr)


def _suggested(problem: str, options: Callable[[], list[str]]) -> str:
    """` (did you mean --epochs?)` for the first option in `problem` that is none."""
    if "Unrecognized" not in problem:
        return ""
    return next((nearest(word, options()) for word in re.findall(r"--[\w-]+", problem)), "")


def _first_part(box: str) -> str:
    """The text of a box between its heading and its first rule, in one line; where a console cannot draw boxes, a rule
    stands below the heading, too.
    """
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip("\u2502| ") for line in box.splitlines()]
    drawn = any(line.startswith("\u256d") for line in lines)
    lines = [line for line in lines if line and line[0] not in "\u256d\u2570"]
    parts = [list(part) for rule, part in itertools.groupby(lines, lambda line: not line.strip("\u2500-")) if not rule]
    chosen = parts[0 if drawn or len(parts) == 1 else 1] if parts else []
    return _plain(" ".join(" ".join(chosen).split()).rstrip("."))


def _plain(problem: str) -> str:
    """Python's words about numbers in plain ones."""
    for words, kind in ((r"invalid literal for int\(\) with base 10", "whole number"),
                        ("could not convert string to float", "number")):
        problem = re.sub(rf"Error parsing (\S+): {words}: (.+)", rf"\1 takes a {kind}, and \2 is none", problem)
    return problem
