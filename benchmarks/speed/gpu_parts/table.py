"""Results of gpu.py as Markdown tables.

In: its lines. Out: the card, networks beside compiled PyTorch at the same batch, the largest batches, folds beside the
CPU's loss curve, epochs, and by name whatever was not run or failed. Only what was measured stands there.
"""

from collections.abc import Iterable, Sequence

from benchmarks.speed.gpu_parts.plan import COMPILED
from benchmarks.speed.gpu_parts.results import Line

NAMES = {"jax": "Keras on JAX", "torch": "Keras on PyTorch", "tensorflow": "Keras on TensorFlow",
         COMPILED: "PyTorch, torch.compile, channels last"}
REPORT_SECONDS = {"report-3d": 26, "report-2d": 44}
"""What the graduation report says of an epoch on its seven GPUs (Titan Xp)."""


def table_text(lines: Sequence[Line]) -> str:
    """The tables, each with its heading; one that would be empty is left out."""
    card = next((line for line in lines if "peak_tflops" in line), None)
    parts = [_card_text(card), _networks_text(lines, card), _largest_text(lines, card), _folds_text(lines),
             _epochs_text(lines), _missing_text(lines)]
    return "\n\n".join(part for part in parts if part)


def _card_text(card: Line | None) -> str:
    if card is None:
        return "The card is not known."
    memory = f" with {card['memory_gb']:g} GB" if card["memory_gb"] else ""
    peaks = ", ".join(f"{name} {value:g}" for name, value in card["peak_tflops"].items())
    versions = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    return (f"{card['card']}{memory}; a matrix product reaches, in TFLOP/s: {peaks}. {card['cores']} cores; "
            f"Python {card['python']}, {versions}; {card['date']}.")


def _networks_text(lines: Sequence[Line], card: Line | None) -> str:
    found = [line for line in lines if "job" in line]
    if not found:
        return ""
    one = found[0]
    heading = (f"3D {one['architecture']}, cubes of {one['size']}, {one['precision']} (median, lowest and highest "
               "round; ratios to compiled PyTorch at the same batch):")
    rows = []
    for batch in sorted({line["batch"] for line in found}):
        for engine in NAMES:
            jobs = {line["job"]: line for line in found if (line["engine"], line["batch"]) == (engine, batch)}
            if jobs:
                peer = {line["job"]: line.get("per_s") for line in found
                        if (line["engine"], line["batch"]) == (COMPILED, batch)}
                cells = [cell for job in ("train", "predict") for cell in _rate(jobs.get(job), peer.get(job), card)]
                start = " + ".join(f"{each['start_s']:g}" for each in jobs.values() if "start_s" in each)
                peak = max((each["peak_gb"] for each in jobs.values() if each.get("peak_gb")), default="")
                rows.append((NAMES[engine], batch, *cells, start, peak))
    return heading + "\n\n" + _table(("engine", "batch", "trained volumes/s", "ratio", "of the peak",
                                      "predicted volumes/s", "ratio", "of the peak", "start, s", "peak GB"), rows)


def _rate(line: Line | None, peer: float | None, card: Line | None) -> tuple[str, str, str]:
    """Volumes a second, their ratio to the peer's, and the share of the measured matrix peak."""
    if line is None or "per_s" not in line:
        return (line or {}).get("error", ""), "", ""
    ratio = f"**{line['per_s'] / peer:.2f}**" if peer else ""
    peak = card["peak_tflops"].get(line["precision"]) if card else None
    flop = line["per_s"] * line["forward_flop"] * (3 if line["job"] == "train" else 1)
    return (f"{line['per_s']:,g} ({line['low']:,g}-{line['high']:,g})", ratio,
            f"{flop / (peak * 1e12):.0%}" if peak else "")


def _largest_text(lines: Sequence[Line], card: Line | None) -> str:
    rows = []
    for engine, name in NAMES.items():
        tried = {line["batch"]: line["fits"] for line in lines if "fits" in line and line["engine"] == engine}
        peaks = {line["batch"]: line["peak_gb"] for line in lines
                 if line.get("job") == "train" and line["engine"] == engine and line.get("peak_gb")}
        fitting = max((batch for batch, fits in tried.items() if fits), default="none" if tried else "")
        failing = min((batch for batch, fits in tried.items() if not fits), default="")
        guess = _batch_of_memory(peaks, card["memory_gb"]) if card and card["memory_gb"] else ""
        if tried or guess:
            rows.append((name, fitting, failing, guess))
    return "The largest batch of a training step:\n\n" + _table(
        ("engine", "seen to fit", "seen not to fit", "by the peaks of smaller ones"), rows) if rows else ""


def _batch_of_memory(peaks: dict[int, float], memory_gb: float) -> str:
    """The batch whose peak would be the whole memory, on the line through the smallest and the largest measured."""
    low, high = min(peaks, default=0), max(peaks, default=0)
    if low == high or peaks[high] <= peaks[low]:
        return ""
    return f"{high + (memory_gb - peaks[high]) * (high - low) / (peaks[high] - peaks[low]):,.0f}"


def _folds_text(lines: Sequence[Line]) -> str:
    found: dict[str, Line] = {}
    for line in lines:
        if "losses" in line:
            found[line["part"]] = line  # the last one of a part has the most epochs
    rows = []
    for line in found.values():
        cpu = next((other["losses"] for other in found.values()
                    if other["devices"] == "cpu" and other["recipe"] == line["recipe"]), None)
        twin = next((other["losses"] for other in found.values() if _is_twin(other, line)), None)
        losses, place = line["losses"], " on the CPU" * (line["devices"] == "cpu")
        killed = f", killed after epoch {line['killed_after']}" if "killed_after" in line else ""
        rows.append((line["recipe"], f"{NAMES[line['engine']]}{place}, {line['precision']}{killed}", len(losses),
                     f"{losses[0]:.4f}", f"{losses[-1]:.4f}", "" if line["devices"] == "cpu" else _apart(losses, cpu),
                     _apart(losses, twin) if killed else "", line.get("auc", ""), line.get("epoch_s", "")))
    return ("One fold of a phantom, from the same first weights (epochs are timed while other folds share the GPU):\n\n"
            + _table(("recipe", "engine", "epochs", "first loss", "last loss", "largest difference from the CPU's",
                      "from the fold that was not killed", "AUC of the scored fold", "epoch, s"), rows)) if rows else ""


def _is_twin(other: Line, line: Line) -> bool:
    """Whether `other` is the same fold, not killed."""
    return "killed_after" not in other and all(other[name] == line[name]
                                               for name in ("recipe", "engine", "precision", "devices"))


def _apart(losses: Sequence[float], others: Sequence[float] | None) -> str:
    """The largest difference of the losses over the epochs that both have, and how many those are."""
    if not others:
        return ""
    pairs = list(zip(losses, others, strict=False))
    return f"{max(abs(one - other) for one, other in pairs):.2g} in {len(pairs)} epochs"


def _epochs_text(lines: Sequence[Line]) -> str:
    rows: list[tuple[object, ...]] = []
    for line in (each for each in lines if "micro" in each):
        what = (line["recipe"], NAMES[line["engine"]], line["micro"], line["inputs"])
        if "error" in line:
            rows.append((*what, line["error"], *("",) * 6))
            continue
        rate, report = line["inputs"] / line["cache_s"], REPORT_SECONDS.get(line["recipe"])
        rows.append((*what, f"{line['cache_s']:.3g}", f"{line['memory_s']:.3g}",
                     f"{1 - line['memory_s'] / line['cache_s']:.1%}", f"{rate:,.0f}", line["first_epoch_s"],
                     report or "", f"{rate * report:,.0f}" if report else ""))
    return ("An epoch as training does it, from a cache of random bytes and from batches in memory (`wait`: the "
            "difference; the report: on seven Titan Xp):\n\n" + _table(
                ("recipe", "engine", "inputs at once", "inputs", "from the cache, s", "from memory, s", "wait",
                 "inputs/s", "first epoch, s", "the report's epoch, s", "inputs in that time"), rows)) if rows else ""


def _missing_text(lines: Sequence[Line]) -> str:
    failed = [f"- {line['part']}: {line['error']}" for line in lines
              if "error" in line and "job" not in line and "micro" not in line]
    return "Not measured, or not to its end:\n\n" + "\n".join(failed) if failed else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows))
