"""Commands for runs: train, predict, ensemble, evaluate, and the demo that does them all."""
