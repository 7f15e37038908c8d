"""Loss, metrics, Adam, learning-rate schedule and precision.

In: a recipe's `OptimisationSettings`, how many inputs and batches an epoch has. Out: what `model.compile` takes. Keras
counts the optimiser's iterations in batches, also where gradients of several are accumulated
(`BaseOptimizer._get_current_learning_rate`), so every schedule here is written in batches.
"""

import math
from typing import Any

from radiogen.networks.backend import backend, keras
from radiogen.training.recipe.settings import OptimisationSettings


def accumulation(settings: OptimisationSettings, inputs: int, batches: int) -> int:
    """How many of an epoch's `batches` one optimiser step accumulates, so that it sees about `batch_size` inputs.

    An epoch of `inputs` has as many steps as batches of `batch_size` go into it, all alike. Where they do not divide,
    the gradients that are left over at an epoch's end go into the next epoch's first step; those of the last epoch
    (less than a step) are dropped.
    """
    steps = inputs / min(settings.batch_size, inputs)
    return max(1, round(batches / (math.floor(steps) if settings.drop_last else math.ceil(steps))))


def make_optimizer(settings: OptimisationSettings, inputs: int, batches: int,
                   kinds: Any = keras.optimizers) -> keras.optimizers.Optimizer:
    """Adam, or AdamW where weights decay, for `settings.epochs` epochs of `batches` batches with `inputs` inputs.

    kinds: where their classes are: Keras's, or those of `training_kinds`, whose Adam does not accumulate.
    """
    rate, together = learning_rate(settings, batches), accumulation(settings, inputs, batches)
    kinds = kinds if together == 1 else keras.optimizers
    optimizer = kinds.AdamW(rate, weight_decay=settings.weight_decay) if settings.weight_decay else \
        kinds.Adam(rate)
    if together > 1:
        optimizer.gradient_accumulation_steps = together
    return optimizer


def learning_rate(settings: OptimisationSettings,
                  batches: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate as a function of the batches done, `batches` an epoch."""
    schedules, total = keras.optimizers.schedules, settings.epochs * batches
    if settings.schedule == "cosine":
        warm_up = max(1, total // 20)
        return schedules.CosineDecay(0.0, max(1, total - warm_up), warmup_target=settings.learning_rate,
                                     warmup_steps=warm_up)
    if settings.schedule == "halved":  # the boundary itself has the rate before
        return schedules.PiecewiseConstantDecay([settings.halve_after * batches - 1],
                                                [settings.learning_rate, settings.learning_rate / 2])
    return settings.learning_rate


def make_loss(outputs: int, label_smoothing: float) -> keras.losses.Loss:
    """Cross-entropy: of a softmax with one-hot labels (batch, 2), or of a logit with labels (batch, 1)."""
    if outputs == 1:
        return keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)
    return keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing)


def make_metrics(outputs: int) -> list[keras.metrics.Metric]:
    """`accuracy` and `auc` over an epoch's inputs (a slice or a cube each, not a case)."""
    one_logit = outputs == 1
    return [keras.metrics.MeanMetricWrapper(_hits_of_logit if one_logit else _hits_of_softmax, name="accuracy"),
            _PositiveClassAUC(one_logit)]


class _PositiveClassAUC(keras.metrics.AUC):
    """AUC of the probability of class 1 by 200 thresholds; Keras alone would rank both columns of a softmax."""

    def __init__(self, one_logit: bool):
        super().__init__(name="auc")
        self.one_logit = one_logit

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """y_true, y_pred: (batch, 2), or (batch, 1) with a logit."""
        probability = y_pred[..., -1:]
        if self.one_logit:
            probability = keras.ops.sigmoid(probability)
        super().update_state(y_true[..., -1:], probability, sample_weight)


def set_precision(wanted: str) -> str:
    """Set the precision of the layers that are built from now on; returns float32, bfloat16 or float16.

    wanted: one of these, or auto.
    Weights and the last layer stay float32. With float16, Keras scales the loss by itself (LossScaleOptimizer).
    """
    precision = _best_precision() if wanted == "auto" else wanted
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    return precision


def gpu_capability() -> float | None:
    """The lowest CUDA compute capability of the GPUs that this process uses, such as 9.0; None on a CPU."""
    return min((float(f"{major}.{minor}") for major, minor in backend().gpu_capabilities()), default=None)


def _best_precision() -> str:
    """bfloat16 from CUDA's compute capability 8 (Ampere) on, float16 on older GPUs, float32 on CPUs."""
    capability = gpu_capability()
    if capability is None:
        return "float32"
    return "bfloat16" if capability >= 8 else "float16"


def _hits_of_softmax(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.equal(y_pred[..., -1] > 0.5, y_true[..., -1] > 0.5)


def _hits_of_logit(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.equal(y_pred[..., -1] > 0.0, y_true[..., -1] > 0.5)
