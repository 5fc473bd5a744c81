"""A kind of one's own: a long convolution by Fourier transforms, whose operator ONNX does not have."""

from __future__ import annotations

from mapper import Kind, OpView


def sizes(view: OpView) -> tuple[tuple[str, int], ...]:
    """Monarch's transform is products with small matrices: `order` of them for each channel, forward and back."""
    batch, channels, length = view.inputs[0]
    order = view.size("order", 2)
    side = max(1, round(length ** (1 / order)))
    return ("batch", 1), ("m", 2 * order * batch * channels * (length // side)), ("n", side), ("k", side)


FLASH_FFT_CONV = Kind(
    "flash-fft-conv",
    "long convolution along the sequence, by Fourier transforms as matrix products",
    sizes,
    outputs=lambda view: (view.inputs[0],),
    like="matmul",
    operators=("my.domain::FlashFFTConv",),
    attributes=("order",),
)
