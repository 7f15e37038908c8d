"""Two commands of different kinds at once over one data set, cache and run: the end is that of one after the other.

In: a seed. Out: an outcome for each of 1,560 pairs: twelve commands, each with each other and with itself, twenty times
with a random time between the starts. The end has to be that of one of the two orders, files and exit codes; or one
command was refused in a line (exit code 2), left nothing half-written, and run again gives the end of an order.
"""

import itertools
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.robustness.commands import outlived
from benchmarks.robustness.outcome import Outcome
from benchmarks.robustness.pairs.commands import DATA, MOVED, commands, copy_project, project
from benchmarks.robustness.pairs.server import Ended, Server, Step
from benchmarks.robustness.pairs.states import contents, leftovers, pair_state, without_unfinished_caches
from benchmarks.robustness.states import MARK, State, differences

if TYPE_CHECKING:
    import numpy as np

TIMES = 20
"""How often each pair is started."""
SHOWN = 3
CHANGES = ("a file of a test case", "a file of a training case", "one more case")
Call = tuple[str, int]
DOWNLOAD: Call = ("download", 0)
"""A command's name and the number of its variant."""


@dataclass(frozen=True)
class Order:
    """What commands one after the other end in: a copy of the folder, its state, exit codes, the last one's seconds."""

    folder: Path
    state: State
    codes: tuple[int, ...]
    seconds: float


@dataclass
class Bench:
    """The server, the template, the commands, and all orders that were needed so far."""

    server: Server
    template: Path
    steps: Mapping[str, tuple[tuple[Step, ...], ...]]
    place: Path
    orders: dict[tuple[Call, ...], Order] = field(default_factory=dict)

    def order(self, *calls: Call) -> Order:
        """The end of these commands one after the other, done once."""
        if calls not in self.orders:
            before = self.order(*calls[:-1]) if len(calls) > 1 else None
            folder = copy_project(before.folder if before else self.template, self.place / f"order-{len(self.orders)}")
            end = self.server.call(self.of(calls[-1]), folder)
            check_plain(calls, end)
            codes = (*(before.codes if before else ()), end.code)
            self.orders[calls] = Order(folder, pair_state(folder), codes, end.seconds)
        return self.orders[calls]

    def between(self, outer: Call, inner: Call) -> list[Order]:
        """The ends where `inner` is done between two steps of `outer`: a user may do anything in between."""
        orders = []
        for count in range(1, len(self.of(outer))):
            key = (outer, inner, ("between", count))
            if key not in self.orders:
                folder = copy_project(self.template, self.place / f"order-{len(self.orders)}")
                parts = (self.of(outer)[:count], self.of(inner), self.of(outer)[count:])
                ends = [self.server.call(steps, folder) for steps in parts]
                for end in ends:
                    check_plain((outer, inner), end)
                codes = (max(ends[0].code, ends[2].code), ends[1].code)
                self.orders[key] = Order(folder, pair_state(folder), codes, sum(end.seconds for end in ends))
            orders.append(self.orders[key])
        return orders

    def of(self, call: Call) -> tuple[Step, ...]:
        """The steps of a command's variant."""
        return self.steps[call[0]][call[1]]


def run(seed: int, fraction: float, folder: Path) -> list[Outcome]:
    """Every pair; a short form starts each of them once or a few times."""
    outcomes: list[Outcome] = []
    with project(folder) as (server, template):
        before = pair_state(template)
        bench = Bench(server, template, commands(template), folder / "orders")
        for one, two in itertools.combinations_with_replacement(bench.steps, 2):
            began = time.perf_counter()
            made = try_pair(bench, (one, two), max(1, round(TIMES * fraction)), seed, folder / "trials")
            print(f"pairs: {one} and {two}: {len(made)}, {sum(not each.passed for each in made)} wrong, "
                  f"{time.perf_counter() - began:.0f} s", flush=True)
            for each in made:
                if not each.passed:
                    print(f"  {each.what}: {each.note}", flush=True)
            outcomes += made
        outcomes.append(Outcome("pairs", "the template is as it was", pair_state(template) == before))
    return outcomes


def try_pair(bench: Bench, names: Sequence[str], times: int, seed: int, place: Path) -> list[Outcome]:
    """Start two commands at once so many times, in both orders."""
    import numpy as np

    random = np.random.default_rng([seed, *map(list(bench.steps).index, names)])
    outcomes = []
    for number in range(times):
        calls = [(name, number % len(bench.steps[name])) for name in names]
        swapped = number // max(len(bench.steps[name]) for name in names) % 2
        first, second = calls[::-1] if swapped else calls
        outcomes.append(try_once(bench, first, second, random, place / "pair"))
    return outcomes


def try_once(bench: Bench, first: Call, second: Call, random: "np.random.Generator", place: Path) -> Outcome:
    """One pair, checked."""
    shutil.rmtree(place, ignore_errors=True)
    delay = float(random.uniform(0, 1.05) * bench.order(first).seconds)
    trial = copy_project(bench.template, place)
    begun = bench.server.begin(bench.of(first), trial)
    time.sleep(delay)
    later = bench.server.begin(bench.of(second), trial)
    ends = (bench.server.wait(begun), bench.server.wait(later))
    faults, note = judge(bench, (first, second), ends, trial)
    shutil.rmtree(trial)
    return Outcome("pairs", f"{_named(first)}, {delay:.2f} s later {_named(second)}", not faults,
                   "; ".join(faults[:SHOWN]) if faults else note)


def judge(bench: Bench, calls: tuple[Call, Call], ends: tuple[Ended, Ended], trial: Path) -> tuple[list[str], str]:
    """What is wrong with the end of a pair, and a note."""
    faults = [fault for call, end in zip(calls, ends, strict=True) for fault in end_faults(call, end)]
    faults += leftovers(trial)
    if faults:
        return faults, ""
    orders, state, codes = _orders(bench, calls), pair_state(trial), tuple(end.code for end in ends)
    if any(state == order.state and codes == known for known, order in orders):
        return [], ""
    refused = [call for call, end in zip(calls, ends, strict=True) if end.code]
    if not refused:
        return [f"codes {codes}, no order gives this: {_nearest(state, [order for _, order in orders])}"], ""
    if len(refused) == len(calls) and not any(all(known) for known, _ in orders):
        return [f"both were refused: {'; '.join(_error(end) for end in ends)}"], ""
    note = f"{_named(refused[0])} was refused: {_error(ends[codes.index(2)])}"
    if refused == [DOWNLOAD] and _after_part_of_the_download(bench, calls, codes, trial):
        return [], f"{note}; the other read the files that it had fetched before"
    return _again(bench, calls, refused, trial), note


def _after_part_of_the_download(bench: Bench, calls: tuple[Call, Call], codes: tuple[int, ...], trial: Path) -> bool:
    """Whether the end is that of the other command on the data set as a refused download left it.

    A download writes file by file. Moved away with its data set, it is refused and what it had fetched stays there.
    """
    other = calls[1 - calls.index(DOWNLOAD)]
    fetched = [path.relative_to(trial / MOVED) for path in (trial / MOVED).rglob("*") if path.is_file()
               and not (bench.template / DATA / path.relative_to(trial / MOVED)).exists()]
    if not fetched:
        return False
    folder = copy_project(bench.template, bench.place / "part")
    for name in fetched:
        shutil.copy2(trial / MOVED / name, folder / DATA / name)
    end = bench.server.call(bench.of(other), folder)
    late = {str(path.relative_to(trial)) for path in (trial / DATA).rglob("*") if path.is_file()}
    whole = bench.order(DOWNLOAD).state if late else {}
    kept = {name: digest for name, digest in pair_state(trial).items()
            if name not in late or whole.get(name) != digest}
    same = end.code == codes[calls.index(other)] and pair_state(folder) == kept
    shutil.rmtree(folder)
    return same


def end_faults(call: Call, end: Ended) -> list[str]:
    """What no command may do: end otherwise than with 0, or with 2 and one line; leave processes."""
    errors = [line for line in end.output.splitlines() if line.startswith("error: ")]
    faults = [f"{_named(call)} ended with {end.code}: {' / '.join(end.output.splitlines()[-3:])}"] if (
        end.code not in (0, 2) or "Traceback" in end.output or len(errors) != bool(end.code)) else []
    left = outlived(end.session, 2)
    return faults + ([f"{left} processes of {_named(call)} outlived it"] if left else [])


def check_plain(calls: Sequence[Call], end: Ended) -> None:
    """Raise RuntimeError where commands one after the other do not end as they should: there is nothing to compare."""
    if faults := end_faults(calls[-1], end):
        raise RuntimeError(f"{' then '.join(map(_named, calls))}: {'; '.join(faults)}\n{end.output[-3000:]}")


def _orders(bench: Bench, calls: tuple[Call, Call]) -> list[tuple[tuple[int, ...], Order]]:
    """All orders, each with its exit codes as the calls are named."""
    one, two = bench.order(*calls), bench.order(*calls[::-1])
    return [(one.codes, one), (two.codes[::-1], two), *((order.codes, order) for order in bench.between(*calls)),
            *((order.codes[::-1], order) for order in bench.between(*calls[::-1]))]


def _again(bench: Bench, calls: tuple[Call, Call], refused: Sequence[Call], trial: Path) -> list[str]:
    """What is wrong after a refusal: a file that no order makes, or another end after the same command again.

    Arrays that a refused command had finished are kept, as its message says, also in the cache of a state of the data
    set that lasted for a moment, such as half a copied file: a cache that never got its index.
    """
    one, two = calls
    allowed = [order for _, order in _orders(bench, calls)]
    known = set().union(contents(bench.template), *(contents(order.folder) for order in allowed))
    strange = sorted(name for name, digest in contents(trial) - known)
    if strange:
        return [f"refused, and {strange[0]} is in no order"]
    codes = []
    for call in refused:
        end = bench.server.call(bench.of(call), trial)
        if faults := end_faults(call, end):
            return faults
        codes.append(end.code)
    state = pair_state(trial)
    allowed += [bench.order(one, two, one), bench.order(two, one, two)]
    kept = all(end == 2 for end in codes) and any(_only_more(order.state, state) for order in allowed)
    finished = without_unfinished_caches(state)
    return [] if kept or any(order.state in (state, finished) for order in allowed) else [
        f"refused, and the same again gives no order: {_nearest(state, allowed)}"]


def _only_more(order: State, state: State) -> bool:
    """Whether all of an order's files are there as they are: what stays refused keeps what it had finished."""
    return all(state.get(name) == digest for name, digest in order.items())


def _nearest(state: State, orders: Sequence[Order]) -> str:
    """What differs from the order that is most alike; a cache's name, which is made of its content, counts last."""
    differing = [differences(_unmarked(order.state), _unmarked(state)) or differences(order.state, state)
            for order in orders]
    return "; ".join(min(differing, key=len)[:SHOWN]) or "codes alone"


def _unmarked(state: State) -> State:
    return {MARK.sub(b"", name.encode()).decode(): digest.split()[0] for name, digest in state.items()}


def _error(end: Ended) -> str:
    return next((line for line in end.output.splitlines() if line.startswith("error: ")), "")


def _named(call: Call) -> str:
    return call[0] if call[0] != "changed" else f"changed ({CHANGES[call[1]]})"
