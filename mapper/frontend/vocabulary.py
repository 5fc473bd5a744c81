"""Which kind of `mapper.ir.kinds` each ONNX operator is, as a table."""

from __future__ import annotations

import re

_GROUPS: dict[str, str] = {
    "matmul": "MatMul Gemm MatMulInteger QLinearMatMul FusedMatMul FusedGemm MatMulNBits DynamicQuantizeMatMul "
    "MatMulIntegerToFloat MatMulBnb4",
    "conv": "Conv ConvTranspose ConvInteger QLinearConv FusedConv",
    "attention": "Attention GroupQueryAttention MultiHeadAttention",
    "norm": "LayerNormalization RMSNormalization SimplifiedLayerNormalization SkipLayerNormalization "
    "SkipSimplifiedLayerNormalization BatchNormalization InstanceNormalization GroupNormalization LpNormalization "
    "MeanVarianceNormalization LRN SkipGroupNorm",
    "softmax": "Softmax LogSoftmax Hardmax QLinearSoftmax",
    "elementwise": "Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor "
    "Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish IsInf IsNaN "
    "LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu Shrink "
    "Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor BiasGelu FastGelu "
    "QuickGelu RotaryEmbedding GemmaRotaryEmbedding QLinearLeakyRelu QLinearSigmoid",
    "embedding": "EmbedLayerNormalization GatherBlockQuantized",
    "gather": "Gather GatherElements GatherND Compress",
    "scatter": "Scatter ScatterElements ScatterND OneHot TensorScatter",
    "reduce": "ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
    "ReduceSum ReduceSumSquare",
    "scan": "CumSum CumProd",
    "move": "Transpose Concat Slice Split Pad Expand Tile Resize Upsample DepthToSpace SpaceToDepth Trilu "
    "ReverseSequence Range ConstantOfShape EyeLike CenterCropPad Col2Im RandomNormal RandomNormalLike RandomUniform "
    "RandomUniformLike",
    "view": "Reshape Flatten Squeeze Unsqueeze Identity Dropout",
    "pool": "AveragePool MaxPool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool",
    "rnn": "LSTM GRU RNN DynamicQuantizeLSTM",
    "cast": "Cast CastLike QuantizeLinear DequantizeLinear DynamicQuantizeLinear",
    "sort": "TopK NonZero Unique NonMaxSuppression",
}

KIND_OF: dict[str, str] = {op_type: kind for kind, listed in _GROUPS.items() for op_type in listed.split()}
"""The kind by operator; an operator that is not here is opaque."""

SHAPE_OPERANDS: dict[str, tuple[int, ...]] = {
    "Reshape": (1,), "Squeeze": (1,), "Unsqueeze": (1,), "Slice": (1, 2, 3, 4), "Split": (1,), "Pad": (1, 3),
    "Expand": (1,), "Tile": (1,), "Resize": (1, 2, 3), "Upsample": (1,), "TopK": (1,), "CumSum": (1,), "Trilu": (1,),
    "Range": (0, 1, 2), "ConstantOfShape": (0,), "OneHot": (1,), "CenterCropPad": (1,),
    **dict.fromkeys(_GROUPS["reduce"].split(), (1,)),
}  # fmt: skip
"""Inputs that only say what shape to make; where they are constants they are no operands of the op."""

FUNCTIONS = {
    "BiasGelu": "gelu", "FastGelu": "gelu", "QuickGelu": "silu", "Swish": "silu", "RotaryEmbedding": "rope",
    "GemmaRotaryEmbedding": "rope", "QLinearLeakyRelu": "leaky_relu", "QLinearSigmoid": "sigmoid",
}  # fmt: skip

WEIGHT_FIRST = {
    # operator -> order of its inputs that puts data first and the weight second
    "QLinearMatMul": (0, 3, 1, 2, 4, 5, 6, 7),
    "QLinearConv": (0, 3, 1, 2, 4, 5, 6, 7, 8),
}


def function_name(op_type: str) -> str:
    """The elementwise function in lower snake case: `HardSigmoid` -> `hard_sigmoid`."""
    known = FUNCTIONS.get(op_type)
    if known:
        return known
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", op_type).lower()
