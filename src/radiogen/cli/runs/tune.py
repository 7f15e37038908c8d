"""Tune a recipe without fooling oneself: a search in each fold, on the other folds; then one recipe to train."""

from radiogen.cli.given import require
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter
from radiogen.training.recipe.options import parse_options
from radiogen.tuning.options import TuneOptions


def main() -> None:
    options, *others = parse_options(TuneOptions, __doc__)
    if others:
        raise UserError(parameter("recipe", options.recipe), f"names {len(others) + 1}", "tune one at a time")
    require(data=options.data, tables=[options.space])
    from radiogen.tuning import procedure
    from radiogen.tuning.record import tuned_files, tuning_lines
    from radiogen.tuning.search import check_optuna

    check_optuna()
    from radiogen.training.runs import run_name

    assert options.data is not None  # `parse_options` fills it in
    searches = procedure.Searches(options.trials, options.inner_folds, options.prune)
    procedure.check_searches(searches)
    folder = options.models / (options.run or f"{run_name(options.data, options.settings.name)}-tuned")
    space = procedure.find_space(folder, options.space, options.settings)
    run = procedure.begin_tuning(options.data, options.settings, folder, options.cache, space, searches,
                                 leave_out=options.leave_out, workers=options.workers)
    if options.forecast:
        from radiogen.tuning.forecast import forecast_text

        print(forecast_text(run, searches), flush=True)
    if options.scheduler:
        from radiogen.tuning.cluster import tune_on_cluster

        tune_on_cluster(run, space, searches, options.scheduler)
    found = procedure.tune_here(run, space, searches, options.parallel_folds, options.workers)
    print("\n".join(tuning_lines(procedure.finish(run, found, searches))))
    print("\n".join(["files written:", *(f"  {path}" for path in tuned_files(folder))]))
    print(f"next: {command('evaluate')} --run {as_run(folder)}; the recipe is trained as another run: "
          f"{command('train')} --data {options.data} --recipe {tuned_files(folder)[2]} --run NAME")
