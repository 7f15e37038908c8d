"""What `radiogen runs` does with the runs that it is given: list, compare, follow."""

from collections.abc import Sequence
from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.core.terminal.tables import print_table
from radiogen.core.wording import command, size
from radiogen.runs.overview import table
from radiogen.runs.overview.follow import follow
from radiogen.runs.overview.state import named_states


def list_runs(models: Path, names: Sequence[str]) -> None:
    """The table, what is wrong, and what comes next."""
    states = named_states(models, names)
    if not states:
        print(f"no run in {models} yet\nnext: {command('train')}")
        return
    print_table(table.HEADINGS, table.table_rows(states), table.RIGHT, table.FOLDED)
    print("\n".join(["", *lines, ""]) if (lines := table.problem_lines(states)) else "")
    todo = [state for state in states if state.step]
    print(f"{len(states)} run{'s' * (len(states) != 1)} in {models}, {size(sum(state.size for state in states))}; "
          + (f"next: {todo[0].step}" if todo else "all are trained, predicted and judged"))


def compare_runs(models: Path, names: Sequence[str]) -> None:
    """The fields in which two runs differ."""
    names = list(dict.fromkeys(names))
    if len(names) != 2:
        raise UserError("--compare", f"takes two different runs, not {len(names)}", f"{command('runs')} --compare A B")
    one, other = named_states(models, names)
    rows = table.differences(one, other)
    print_table(("field", one.name, other.name), rows, folded=(0, 1, 2))
    print(f"\n{one.name} and {other.name} differ in {len(rows)} field{'s' * (len(rows) != 1)}")


def watch_run(models: Path, names: Sequence[str]) -> None:
    """Follow a run until nobody trains it."""
    names = list(dict.fromkeys(names))
    if len(names) > 1:
        raise UserError("--watch", f"follows one run, not {len(names)}", "name one of them")
    found = [state for state in named_states(models, names) if names or state.in_training][:1]
    if not found:
        raise UserError(models, "no run in it is being trained", f"start one: {command('train')}, or name a run")
    print("\n".join([f"run {found[0].name}", *table.training_lines(found[0])]), flush=True)
    follow(found[0].folder)
    state, = named_states(models, [found[0].name])
    print("\n".join(f"{state.name}: {problem}" for problem in state.problems) or f"{state.name}: nobody trains it now",
          f"{table.folds_text(state)} folds are trained" + (f"; next: {state.step}" if state.step else ""), sep="\n")
