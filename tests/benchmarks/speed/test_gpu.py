"""The prepared GPU command: a cut run still tells, limits hold, what is compared belongs together; on a CPU, tiny."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.speed import gpu
from benchmarks.speed.gpu_parts import networks, plan, results, runner, table
from benchmarks.speed.gpu_parts.plan import COMPILED, FULL, TINY, Part
from radiogen.core.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
ENGINES = ("jax", COMPILED, "torch")
GPU_PYTHON = os.environ.get("RADIOGEN_GPU_PYTHON")
CARD = {"part": "card", "card": "A card", "memory_gb": 80.0, "peak_tflops": {"bfloat16": 1.0}, "cores": 4,
        "python": "3.12.3", "versions": {"jax": "0.11"}, "date": "2026-11-28"}


def _network(engine, job, rate, batch=32):
    return {"part": f"networks {engine}", "engine": engine, "batch": batch, "job": job, "architecture": "resnet50",
            "size": 64, "precision": "bfloat16", "per_s": rate, "low": rate, "high": rate, "forward_flop": 1e9,
            "start_s": 1, "peak_gb": 2.0}


def _fold(losses, devices="auto", **more):
    return {"part": f"fold {devices} {more}", "recipe": "demo-3d", "engine": "jax", "precision": "float32",
            "devices": devices, "losses": losses, **more}


def _python(name, program, limit=60.0, **more):
    """A part that runs a program of its own instead of a function of gpu_parts/."""
    class Own(Part):
        module, function = "builtins", "exec"

    return Own(name, "", program, limit, **more)


@pytest.fixture
def run(monkeypatch):
    """Run stages of programs; the lines that were recorded."""
    monkeypatch.setattr(runner.json, "dumps", lambda order: order)

    def run_all(*stages, budget=120.0):
        lines = []
        runner.run_stages(stages, budget, lines.append)
        return lines
    return run_all


def test_a_part_that_reaches_its_limit_is_killed_and_what_it_printed_is_kept(run):
    lines = run([_python("slow", "import time; print('{\"done\": 1}', flush=True); time.sleep(60)", limit=0.4)])
    assert lines[0] == {"part": "slow", "done": 1}
    assert lines[1]["error"] == "stopped at its limit of 0 s" and lines[1]["process_s"] < 30


def test_parts_of_a_stage_run_side_by_side_and_stages_one_after_another(run, tmp_path):
    wait = "import os, time\nopen({own!r}, 'w').close()\nwhile not os.path.exists({other!r}): time.sleep(0.01)"
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    both = [_python("one", wait.format(own=one, other=other)), _python("other", wait.format(own=other, other=one))]
    lines = run(both, [_python("after", f"import os; assert os.path.exists({one!r})")])
    assert {line["part"] for line in lines[:2]} == {"one", "other"} and lines[2]["part"] == "after"
    assert not [line for line in lines if "error" in line]


def test_a_part_in_the_background_goes_on_until_another_one_needs_it(run):
    background = _python("data", "import time; time.sleep(0.3); print('{\"made\": 1}')", background=True)
    lines = run([background], [_python("timed", "1")], [_python("fold", "1", needs="data")])
    assert [line["part"] for line in lines if "process_s" in line] == ["timed", "data", "fold"]


def test_a_failed_part_tells_its_last_line_and_those_that_need_it_are_not_run(run):
    lines = run([_python("data", "raise SystemExit('no space')")], [_python("fold", "1", needs="data")])
    assert [line.get("error") for line in lines] == ["no space", "not run: data failed"]


def test_what_the_budget_has_no_time_for_is_named(run):
    assert run([_python("late", "1")], budget=1.0) == [{"part": "late", "error": "not run: no time was left"}]


def test_every_part_calls_a_function_that_is_there_and_the_card_is_measured_first():
    for sizes in (FULL, TINY):
        stages = plan.make_stages(sizes, ENGINES, Path("room"))
        assert [stage[0].name for stage in stages[:2]] == ["data", "card"]
        for part in (part for stage in stages for part in stage):
            assert f"def {part.function}(text" in Path(find_spec(part.module).origin).read_text()
            json.dumps(part.order)


def test_a_group_alone_is_run_alone():
    for group in plan.GROUPS:
        parts = [part for stage in plan.make_stages(FULL, ENGINES, Path("room"), (group,)) for part in stage]
        assert parts and (group == "folds") == any(part.background for part in parts)
    assert not plan.make_stages(FULL, ENGINES, Path("room"), ())


def test_only_parts_that_measure_no_time_run_side_by_side():
    for stage in plan.make_stages(FULL, ENGINES, Path("room")):
        if len(stage) > 1:
            assert {part.call for part in stage} == {"folds.train", "folds.resume", "networks.warm"}


def test_every_batch_runs_on_every_engine_and_every_fold_has_its_own_run():
    parts = [part for stage in plan.make_stages(FULL, ENGINES, Path("room")) for part in stage]
    raced = {(part.order["engine"], batch) for part in parts if part.call == "networks.race"
             for batch in part.order["batches"]}
    assert raced == {(engine, batch) for engine in ENGINES for batch in (8, 32, 128)}
    data, = (part for part in parts if part.call == "folds.make_data")
    runs = [part.order["run"] for part in parts if part.call in ("folds.train", "folds.resume")]
    assert sorted(runs) == sorted(name for name, _, _ in data.order["runs"]) and len(set(runs)) == len(runs)


@pytest.mark.parametrize(("fitting", "asked", "largest"), [
    (1500, [1024, 2048, 1536], 1024), (1600, [1024, 2048, 1536], 1536), (300, [1024, 512, 256, 384], 256),
    (0, [4, 2, 1], 0)])
def test_the_largest_batch_is_found_to_a_quarter(fitting, asked, largest):
    tried = {}
    while (batch := networks.next_batch(tried, asked[0])) is not None:
        tried[batch] = batch <= fitting
    assert list(tried) == asked
    assert max((batch for batch, fits in tried.items() if fits), default=0) == largest


def test_ratios_are_to_compiled_pytorch_at_the_same_batch_and_shares_to_the_measured_peak():
    text = table.table_text([CARD, _network("jax", "train", 150), _network(COMPILED, "train", 100),
                             _network("jax", "train", 30, batch=8)])
    rows = [line for line in text.splitlines() if line.startswith("| Keras on JAX")]
    assert "| 8 | 30 (30-30) |  | 9% |" in rows[0]  # no peer at this batch; 3 x 30 x 1e9 FLOP of 1e12
    assert "| 32 | 150 (150-150) | **1.50** | 45% |" in rows[1]


def test_the_largest_batch_is_also_estimated_from_the_peaks_of_smaller_ones():
    small, large = ({**_network("jax", "train", 1, batch), "peak_gb": peak} for batch, peak in ((8, 4.0), (32, 10.0)))
    text = table.table_text([CARD, small, large, {"part": "largest", "engine": "jax", "batch": 256, "fits": True}])
    assert "| Keras on JAX | 256 |  | 312 |" in text  # 32 + (80 - 10) GB of a quarter each


def test_losses_are_compared_with_the_cpus_over_the_epochs_that_both_have():
    text = table.table_text([CARD, _fold([0.7, 0.5, 0.4]), _fold([0.7, 0.6], devices="cpu")])
    assert "| 3 | 0.7000 | 0.4000 | 0.1 in 2 epochs |" in text


def test_a_killed_fold_is_compared_with_the_same_one_that_was_not():
    text = table.table_text([CARD, _fold([0.7, 0.5]), _fold([0.7, 0.25], killed_after=1),
                             {**_fold([9.0, 9.0]), "engine": "torch", "part": "another"}])
    row = next(line for line in text.splitlines() if "killed after epoch 1" in line)
    assert "| 0.25 in 2 epochs |" in row


def test_the_wait_is_the_share_of_an_epoch_that_held_batches_save():
    line = {"part": "input", "engine": "jax", "recipe": "report-3d", "micro": 16, "inputs": 100, "cache_s": 2.0,
            "memory_s": 1.5, "first_epoch_s": 9}
    row = table.table_text([CARD, line]).splitlines()[-1]
    assert "| 25.0% | 50 | 9 | 26 | 1,300 |" in row


def test_what_was_not_measured_stands_in_the_table_by_name():
    text = table.table_text([CARD, {"part": "input jax", "error": "not run: no time was left"}])
    assert text.endswith("- input jax: not run: no time was left")


def test_a_file_of_results_that_was_cut_off_is_read_to_its_last_whole_line(tmp_path):
    path = tmp_path / "gpu.jsonl"
    path.write_text(json.dumps(CARD) + '\nnot of ours\n{"part": "netw')
    assert results.read_lines(path) == [CARD]


@pytest.mark.parametrize("content", [None, b"nothing", b"\xff\xfe"])
def test_a_file_without_results_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "gpu.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match="gpu.jsonl: .*gpu.py --output"):
        gpu.main(table=path)


@pytest.mark.parametrize(("given", "said"), [
    ({"only": ("nets",)}, "--only nets"), ({"engines": ("theano",)}, "--engines theano"),
    ({"engines": (COMPILED,)}, "no back end of Keras")])
def test_an_unknown_choice_is_refused_before_anything_runs(given, said):
    with pytest.raises(UserError, match=said):
        gpu.main(**given)


def test_every_wheel_that_travels_is_pinned_by_its_hash():
    script = (ROOT / "benchmarks" / "speed" / "gpu_wheels.sh").read_text()
    packages = script.partition('packages="')[2].partition('"')[0].split()
    pinned = re.findall(r"^([a-z0-9-]+)==\S+ \\\n +--hash=", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert {"keras", "nibabel", "pydicom"} <= set(packages) <= set(pinned)
    assert "tensorflow" not in packages


def _run_command(python, folder, *options):
    end = subprocess.run([python, str(ROOT / "benchmarks" / "speed" / "gpu.py"), "--sizes", "tiny", *options],
                         capture_output=True, text=True,
                         env={**os.environ, "OUT": str(folder), "PYTHONPATH": str(ROOT / "src")})  # no other .venv
    assert end.returncode == 0, end.stderr
    lines = results.read_lines(folder / "gpu.jsonl")
    assert [json.loads(line) for line in end.stdout.splitlines()] == lines
    return lines


def _losses(lines):
    return {line["part"]: line["losses"] for line in lines if line.get("ended")}


@pytest.mark.slow  # every part once, each in a process that imports Keras
def test_all_parts_run_on_a_cpu_and_every_fold_takes_the_cpus_steps(tmp_path):
    lines = _run_command(sys.executable, tmp_path, "--engines", "tensorflow", "--budget", "1500")
    assert not [line for line in lines if "error" in line]
    folds = _losses(lines)
    assert len(folds) == 5
    for recipe in TINY.folds:
        assert len({tuple(losses) for part, losses in folds.items() if recipe in part}) == 1
    rows = [row for row in table.table_text(lines).splitlines() if "| Keras on TensorFlow" in row]
    assert len(rows) == 2 + 1 + 5 + 4  # batches, the largest one, folds, epochs


@pytest.mark.slow  # compiles with XLA and Inductor
@pytest.mark.skipif(not GPU_PYTHON, reason="RADIOGEN_GPU_PYTHON names no interpreter with Keras, JAX and PyTorch and "
                                           "without TensorFlow")
def test_without_tensorflow_jax_and_pytorch_begin_alike_and_take_the_same_steps(tmp_path):
    lines = _run_command(GPU_PYTHON, tmp_path, "--engines", *ENGINES, "--budget", "1500")
    assert not [line for line in lines if "error" in line]
    folds = _losses(lines)
    for recipe in TINY.folds:
        curves = [losses for part, losses in folds.items() if recipe in part]
        assert len(curves) >= 3
        assert all(losses == pytest.approx(curves[0], rel=1e-3) for losses in curves)
    flop = {line["forward_flop"] for line in lines if "forward_flop" in line}
    assert len(flop) == 1  # the peer's network is ours


def test_the_peer_computes_what_monais_resnet50_does():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    nets = pytest.importorskip("monai.networks.nets", reason="MONAI is not installed")
    from benchmarks.speed.gpu_parts.torch_resnet import residual_network

    monai, own = nets.resnet50(spatial_dims=3, n_input_channels=1, num_classes=2, conv1_t_stride=2), residual_network()
    own.load_state_dict(dict(zip(own.state_dict(), monai.state_dict().values(), strict=True)))
    assert sum(each.numel() for each in own.parameters()) == 46_163_010
    cubes = torch.rand(2, 1, 33, 40, 40)
    with torch.no_grad():
        assert torch.equal(monai.eval()(cubes), own.eval()(cubes))
