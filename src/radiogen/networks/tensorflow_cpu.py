"""Layers and Adam for TensorFlow on one CPU: Keras's own by name, configuration, weights and formulas, trained faster.

Batch normalisation is TensorFlow's fused operation, a 1-wide convolution is a matrix product, a 3-wide one on a few
positions is the product of gathered patches and the kernel, and Adam updates a variable in one pass. Wherever one of
these does not apply, Keras's own code runs. `training_kinds.py` decides where this module is used; float32 alone.
"""

import math
from typing import Any

import tensorflow as tf

from radiogen.networks.backend import keras

name = "radiogen"
"""As a run records it."""

MOST_POSITIONS = 27
"""Up to so many positions of an image (3 x 3 x 3), oneDNN's gradients are slower than a product of gathered patches."""

LEAST_CHANNELS = 128
"""From so many channels on: fewer are too little work to matter."""


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's, whose training step over the last axis is one fused operation; 5D is seen as 4D."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """As Keras's; the moving variance is that of the batch itself, without Bessel's correction, as there."""
        plain = not training or not self.trainable or mask is not None or self.renorm or self.synchronized
        rank = len(inputs.shape)
        if plain or not self.scale or not self.center or rank not in (4, 5) or self.axis not in (-1, rank - 1):
            return super().call(inputs, training=training, mask=mask)
        x = inputs if rank == 4 else _merge_axes(inputs)
        nothing = tf.zeros([0])  # no running statistics: the batch's own are returned
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=self.gamma.value, offset=self.beta.value, mean=nothing, variance=nothing, epsilon=self.epsilon)
        count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32)
        variance *= tf.maximum(count - 1, 1) / count
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + tf.stop_gradient(now) * (1.0 - self.momentum))
        return y if rank == 4 else _restore_shape(y, inputs)


class _Products:
    """Convolutions as matrix products where that is faster; the first base of Keras's layer of either rank."""

    rank: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    groups: int
    padding: str
    data_format: str

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """The convolution without bias and activation, as Keras's layer computes it."""
        kernel = tf.convert_to_tensor(kernel)
        ours = self.groups == 1 and set(self.dilation_rate) == {1} and self.data_format == "channels_last"
        if ours and set(self.kernel_size) == {1}:
            step = slice(None, None, self.strides[0])
            stepped = inputs if set(self.strides) == {1} else inputs[(slice(None), *(step,) * self.rank)]
            return _product(stepped, tf.reshape(kernel, kernel.shape[-2:]))
        few = math.prod(inputs.shape[1:-1]) <= MOST_POSITIONS if None not in inputs.shape[1:] else False
        if ours and few and self.padding == "same" and set(self.kernel_size) == {3} and set(self.strides) == {1} \
                and min(kernel.shape[-2:]) >= LEAST_CHANNELS:
            return _product(_patches(inputs), tf.reshape(kernel, (-1, kernel.shape[-1])))
        return super().convolution_op(inputs, kernel)  # type: ignore[misc]


class Conv2D(_Products, keras.layers.Conv2D):
    """Keras's, as matrix products where these are faster."""


class Conv3D(_Products, keras.layers.Conv3D):
    """Keras's, as matrix products where these are faster."""


class _FusedAdam:
    """Adam's step in one operation a variable; the first base of Keras's optimizer."""

    def update_step(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Keras's formula and its variables (`keras.optimizers.Adam.update_step`); no accumulation of gradients.

        1 - beta_2 is computed in float32, which makes velocities 0.0013 % smaller than Keras's.
        """
        step = tf.cast(self.iterations.value + 1, tf.float32)
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._momentums[index].value.handle, v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step), beta2_power=tf.pow(self.beta_2, step),
            lr=tf.cast(learning_rate, tf.float32), beta1=self.beta_1, beta2=self.beta_2, epsilon=self.epsilon,
            grad=gradient)


class Adam(_FusedAdam, keras.optimizers.Adam):
    """Keras's, in one pass over a variable."""


class AdamW(_FusedAdam, keras.optimizers.AdamW):
    """Keras's, in one pass over a variable after its decay."""


def _product(x: Any, matrix: Any) -> Any:
    """(..., n) times (n, m): one product of matrices, (..., m)."""
    y = tf.matmul(tf.reshape(x, (-1, x.shape[-1])), matrix)
    return tf.reshape(y, tf.concat([tf.shape(x)[:-1], tf.shape(matrix)[-1:]], 0))


def _patches(x: Any) -> Any:
    """(batch, ..., n) to (batch, ..., 3^rank n): what a 3-wide kernel sees at each position, zeros outside."""
    rank, sizes = len(x.shape) - 2, x.shape[1:-1]
    padded = tf.pad(x, [[0, 0], *[[1, 1]] * rank, [0, 0]])
    places = [tuple(slice(shift // 3 ** axis % 3, shift // 3 ** axis % 3 + sizes[rank - 1 - axis])
                    for axis in reversed(range(rank))) for shift in range(3 ** rank)]
    return tf.concat([padded[(slice(None), *place)] for place in places], -1)


def _merge_axes(x: Any) -> Any:
    """(batch, a, b, c, n) to (batch, a b, c, n), no copy."""
    shape = tf.shape(x)
    return tf.reshape(x, tf.stack([shape[0], shape[1] * shape[2], shape[3], shape[4]]))


def _restore_shape(y: Any, like: Any) -> Any:
    """`y` in the shape of `like`, with all of it that is known beforehand."""
    y = tf.reshape(y, tf.shape(like))
    y.set_shape(like.shape)
    return y
