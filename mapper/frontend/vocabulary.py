"""Which kind of `mapper.ir.kinds` each ONNX operator is, as a table."""

from __future__ import annotations

import re

MICROSOFT = ("com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc", "trt.plugins")
"""Domains whose operators are known by name."""

STANDARD = ("", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training")
"""The domains of the ONNX standard."""

_GROUPS: dict[str, str] = {
    "matmul": "MatMul Gemm MatMulInteger QLinearMatMul FusedMatMul FusedGemm MatMulNBits DynamicQuantizeMatMul "
    "MatMulIntegerToFloat MatMulBnb4 CDist FusedMatMulActivation GemmFastGelu GemmFloat8 MatMulBlockQuantizedFp4Weight "
    "MatMulBlockQuantizedFp8Weight MatMulFpQ4 MatMulInteger16 QGemm QOrderedMatMul SparseToDenseMatMul "
    "TransposeMatMul TransposedMatMul",
    "conv": "Conv ConvTranspose ConvInteger DeformConv QLinearConv QLinearConvTranspose FusedConv NhwcConv "
    "NhwcFusedConv ConvTransposeWithDynamicPads CausalConvWithState VarlenCausalConvWithState",
    "attention": "Attention GroupQueryAttention MultiHeadAttention DecoderAttention DecoderMaskedMultiHeadAttention "
    "DecoderMaskedSelfAttention DynamicSparseAttention FlexAttention LongformerAttention PackedAttention "
    "PackedMultiHeadAttention PagedAttention QAttention QOrderedAttention QOrderedLongformerAttention SparseAttention "
    "SparsePagedAttention",
    "norm": "LayerNormalization RMSNormalization SimplifiedLayerNormalization SkipLayerNormalization "
    "SkipSimplifiedLayerNormalization BatchNormalization InstanceNormalization GroupNormalization LpNormalization "
    "MeanVarianceNormalization LRN SkipGroupNorm BranchwiseRMSNorm EngramGate GatedRMSNorm GroupNorm "
    "QOrderedLayerNormalization Normalizer",
    "softmax": "Softmax LogSoftmax Hardmax QLinearSoftmax BiasSoftmax",
    "elementwise": "Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor "
    "Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish IsInf IsNaN "
    "LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu Shrink "
    "Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum SwiGLU Swish Tan Tanh ThresholdedRelu Where Xor BiasGelu "
    "FastGelu QuickGelu RotaryEmbedding GemmaRotaryEmbedding QLinearLeakyRelu QLinearSigmoid BiasAdd BiasDropout "
    "BitmaskBiasDropout BitmaskDropout ComplexMul ComplexMulConj GatedAdd GatedRelativePositionBias "
    "BiasSplitGelu HyperConnectionPostMix LinearAttentionGate MRotaryEmbedding MulInteger MurmurHash3 "
    "NGramRepeatBlock QLinearAdd QLinearMul QLinearWhere QOrderedGelu SampleOp ScaledSiLU Affine GRUUnit ImageScaler "
    "ParametricSoftplus Scale "
    "ScaledTanh Binarizer Imputer Scaler Bernoulli RegexFullMatch StringConcat StringNormalizer Adagrad Adam Momentum "
    "BlackmanWindow HammingWindow HannWindow",
    "embedding": "EmbedLayerNormalization GatherBlockQuantized QEmbedLayerNormalization RelativePositionBias "
    "TorchEmbedding WordConvEmbedding",
    "gather": "Gather GatherElements GatherND Compress ArrayFeatureExtractor CropAndResize GridSample LabelEncoder "
    "CategoryMapper RemovePadding RestorePadding MultilevelCropAndResize_TRT PyramidROIAlign_TRT "
    "DisentangledAttention_TRT",
    "scatter": "Scatter ScatterElements ScatterND OneHot OneHotEncoder TensorScatter MaxUnpool",
    "reduce": "ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
    "ReduceSum ReduceSumSquare HyperConnectionPreMix IsAllFinite QLinearReduceMean ReduceSumInteger "
    "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss",
    "scan": "CumSum CumProd",
    "move": "Transpose Concat Slice Split Pad Expand Tile Resize Upsample DepthToSpace SpaceToDepth Trilu "
    "ReverseSequence Range ConstantOfShape EyeLike CenterCropPad Col2Im RandomNormal RandomNormalLike RandomUniform "
    "RandomUniformLike AffineGrid Crop DynamicSlice FeatureVectorizer GivenTensorFill MelWeightMatrix MemcpyFromHost "
    "MemcpyToHost QLinearConcat ReorderInput ReorderOutput UnfoldTensor Shape Size Constant",
    "view": "Reshape Flatten Squeeze Unsqueeze Identity Dropout BitCast ExpandDims",
    "pool": "AveragePool MaxPool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool MaxRoiPool MaxpoolWithMask "
    "NhwcMaxPool QLinearAveragePool QLinearGlobalAveragePool RoiAlign",
    "rnn": "LSTM GRU RNN DynamicQuantizeLSTM AttnLSTM LinearAttention GatedDeltaNet",
    "cast": "Cast CastLike QuantizeLinear DequantizeLinear DynamicQuantizeLinear CastMap "
    "DequantizeWithOrder QuantizeWithOrder",
    "sort": "TopK NonZero Unique NonMaxSuppression EfficientNMS_TRT Multinomial PackedSparseAttentionIndexer "
    "SparseAttentionIndexer",
    "all_reduce": "AllReduce",
    "all_gather": "AllGather",
    "all_to_all": "AllToAll",
}

OPAQUE: dict[str, str] = {
    "Det": "a factorisation of each matrix",
    "Inverse": "a factorisation of each matrix",
    **dict.fromkeys(("DFT", "STFT", "Rfft", "Irfft"), "a Fourier transform; no kind counts its butterflies"),
    "ImageDecoder": "a codec of compressed pictures",
    "Gradient": "a derivative of another part of the graph",
    **dict.fromkeys(
        ("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"), "decision trees: branches, not arithmetic"
    ),
    **dict.fromkeys(
        ("LinearClassifier", "LinearRegressor", "SVMClassifier", "SVMRegressor"), "its coefficients are attributes"
    ),
    **dict.fromkeys(("ZipMap", "DictVectorizer"), "maps from keys to numbers"),
    **dict.fromkeys(("StringSplit", "TfIdfVectorizer", "Tokenizer"), "text of any length"),
    **dict.fromkeys(("NGramHashMapping", "VarlenNGramHashMapping"), "hashes of token runs"),
    **dict.fromkeys(
        ("BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"),
        "a whole generation loop over subgraphs; map the decoder of the loop as a model of its own",
    ),
    **dict.fromkeys(("EPContext", "Snpe"), "a program compiled for another device"),
    **dict.fromkeys(("DequantizeBFP", "QuantizeBFP"), "blocks with a common exponent"),
    "ATen": "an operator of PyTorch by name",
    "DynamicTimeWarping": "a shortest path through a matrix",
    "BifurcationDetector": "a search in token runs",
}
"""Known operators that no kind fits, and why: they are costed by the bytes that they touch."""

KIND_OF: dict[str, str] = {op_type: kind for kind, listed in _GROUPS.items() for op_type in listed.split()}
"""The kind by operator name, in the domains that are known; an operator that is not here is opaque."""


def kind_by_name(op_type: str, domain: str) -> str:
    """The kind of an operator; the names of unknown domains say nothing."""
    known = domain in STANDARD or domain in MICROSOFT
    return KIND_OF.get(op_type, "opaque") if known else "opaque"


def why_opaque(op_type: str, domain: str) -> str:
    """Why an operator is opaque, in a few words."""
    if domain not in STANDARD and domain not in MICROSOFT and op_type not in ("ATen", "EPContext"):
        return f"no installed package knows domain '{domain}'"
    return OPAQUE.get(op_type, "no kind of this vocabulary fits")


SHAPE_OPERANDS: dict[str, tuple[int, ...]] = {
    "Reshape": (1,), "Squeeze": (1,), "Unsqueeze": (1,), "Slice": (1, 2, 3, 4), "Split": (1,), "Pad": (1, 3),
    "Expand": (1,), "Tile": (1,), "Resize": (1, 2, 3), "Upsample": (1,), "TopK": (1,), "CumSum": (1,), "Trilu": (1,),
    "Range": (0, 1, 2), "ConstantOfShape": (0,), "OneHot": (1,), "CenterCropPad": (1,),
    **dict.fromkeys(_GROUPS["reduce"].split(), (1,)),
}  # fmt: skip
"""Inputs that only say what shape to make; where they are constants they are no operands of the op."""

FUNCTIONS = {
    "BiasGelu": "gelu", "FastGelu": "gelu", "QOrderedGelu": "gelu", "QuickGelu": "silu", "Swish": "silu",
    "ScaledSiLU": "silu", "SwiGLU": "swiglu", "RotaryEmbedding": "rope", "GemmaRotaryEmbedding": "rope",
    "MRotaryEmbedding": "rope", "QLinearLeakyRelu": "leaky_relu", "QLinearSigmoid": "sigmoid", "QLinearAdd": "add",
    "QLinearMul": "mul", "QLinearWhere": "where", "MulInteger": "mul", "BiasAdd": "add", "GatedAdd": "add",
    "ScaledTanh": "tanh", "ParametricSoftplus": "softplus", "LinearAttentionGate": "softplus", "BiasDropout": "add",
    "BitmaskBiasDropout": "add", "BiasSplitGelu": "gelu",
}  # fmt: skip
"""Elementwise functions whose operators bear other names."""

_LOOSE = (
    "Adagrad Adam BiasDropout BiasSplitGelu Binarizer BitmaskBiasDropout BitmaskDropout BlackmanWindow ComplexMul "
    "ComplexMulConj GatedRelativePositionBias GemmaRotaryEmbedding GRUUnit HammingWindow HannWindow "
    "HyperConnectionPostMix ImageScaler "
    "Imputer LinearAttentionGate Momentum MulInteger MurmurHash3 NGramRepeatBlock QLinearAdd QLinearLeakyRelu "
    "QLinearMul QLinearSigmoid QLinearWhere QOrderedGelu RegexFullMatch Scaler StringNormalizer"
)
LOOSE = frozenset(_LOOSE.split())
"""Elementwise operators that also read what is no operand of the function: scales, states, sizes."""

WEIGHT_FIRST = {
    # operator -> order of its inputs that puts data first and the weight second
    "QLinearMatMul": (0, 3, 1, 2, 4, 5, 6, 7),
    "QLinearConv": (0, 3, 1, 2, 4, 5, 6, 7, 8),
    "QLinearConvTranspose": (0, 3, 1, 2, 4, 5, 6, 7, 8),
    "QGemm": (0, 3, 1, 2, 4, 5, 6, 7, 8),
    "QOrderedMatMul": (0, 2, 1, 3, 4, 5, 6, 7),
}


def function_name(op_type: str) -> str:
    """The elementwise function in lower snake case: `HardSigmoid` -> `hard_sigmoid`."""
    known = FUNCTIONS.get(op_type)
    if known:
        return known
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", op_type).lower()
