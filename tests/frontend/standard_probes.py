"""One line per operator of the ONNX standard that its own node tests leave out, or where more than a shape matters."""

from __future__ import annotations

from tests.frontend.probes import Probe

ML = "ai.onnx.ml"

# fmt: off
PRODUCTS = [
    Probe("MatMul", "f2,4,8 wf8,6", "f2,4,6", "matmul", domain="", macs=2 * 4 * 8 * 6),
    Probe("MatMul", "f8 f2,8,6", "f2,6", "matmul", domain="", macs=2 * 8 * 6),
    Probe("Gemm", "f8,4 wf6,8 wf6", "f4,6", "matmul", {"transA": 1, "transB": 1}, domain="", macs=4 * 8 * 6),
    Probe("MatMulInteger", "u2,4,8 wb8,6 u b", "i2,4,6", "matmul", domain="", macs=2 * 4 * 8 * 6),
    Probe("QLinearMatMul", "u2,4,8 f u wb8,6 f b f u", "u2,4,6", "matmul", domain="", macs=2 * 4 * 8 * 6),
    Probe("Einsum", "f2,4,8 f8,6", "f2,4,6", "matmul", {"equation": "bij,jk->bik"}, domain="", macs=2 * 4 * 8 * 6),
    Probe("Einsum", "f2,5,3,8 f2,7,3,8", "f2,3,5,7", "matmul", {"equation": "bqhd,bkhd->bhqk"}, domain="", macs=2 * 3 * 5 * 7 * 8),
    Probe("Einsum", "f2,3,5,7 f2,7,3,8", "f2,5,3,8", "matmul", {"equation": "bhqk,bkhd->bqhd"}, domain="", macs=2 * 3 * 5 * 7 * 8),
    Probe("Einsum", "f2,4,8 wf3,8,5", "f2,4,3,5", "matmul", {"equation": "btd,hdk->bthk"}, domain="", macs=2 * 4 * 8 * 15),
    Probe("Einsum", "f2,4,8 f2,8,5", "f2,4,5", "matmul", {"equation": "...ij,...jk->...ik"}, domain="", macs=2 * 4 * 8 * 5),
    Probe("Einsum", "f4,8 f8,5", "f4,5", "matmul", {"equation": "ij,jk"}, domain="", macs=4 * 8 * 5),
    Probe("Einsum", "f2,4 f4,5 f5,6", "f2,6", "matmul", {"equation": "ij,jk,kl->il"}, domain="", macs=2 * 4 * 5 + 2 * 5 * 6),
    Probe("Einsum", "f4 f5", "f4,5", "elementwise", {"equation": "i,j->ij"}, domain=""),
    Probe("Einsum", "f2,4,8", "f2,8,4", "move", {"equation": "bij->bji"}, domain=""),
    Probe("Einsum", "f2,4,8", "f2,4", "reduce", {"equation": "bij->bi"}, domain=""),
    Probe("Einsum", "f4,4", "f4", "gather", {"equation": "ii->i"}, domain=""),
]

CONVOLUTIONS = [
    Probe("Conv", "f1,3,8,8 wf4,3,3,3", "f1,4,6,6", "conv", domain="", macs=36 * 4 * 27),
    Probe("Conv", "f1,8,10 wf8,1,3", "f1,8,8", "conv", {"group": 8}, domain="", macs=8 * 8 * 3),
    Probe("Conv", "f1,4,8,8 wf6,2,3,3", "f1,6,8,8", "conv", {"group": 2, "pads": [1, 1, 1, 1]}, domain="", macs=64 * 6 * 18),
    Probe("ConvTranspose", "f1,3,8,8 wf3,4,2,2", "f1,4,16,16", "conv", {"strides": [2, 2]}, domain="", macs=64 * 3 * 16),
    Probe("ConvTranspose", "f1,4,8 wf4,3,2", "f1,6,9", "conv", {"group": 2}, domain="", macs=8 * 4 * 6),
    Probe("ConvInteger", "u1,3,8,8 wu4,3,3,3", "i1,4,6,6", "conv", domain="", macs=36 * 4 * 27),
    Probe("QLinearConv", "u1,3,8,8 f u wb4,3,3,3 f b f u", "u1,4,6,6", "conv", domain="", macs=36 * 4 * 27),
    Probe("DeformConv", "f1,3,8,8 wf4,3,3,3 f1,18,6,6", "f1,4,6,6", "conv", domain="", macs=36 * 4 * 27),
]

SEQUENCES = [
    Probe("LSTM", "f5,2,8 wf1,24,8 wf1,24,6", "f5,1,2,6 f1,2,6 f1,2,6", "rnn", {"hidden_size": 6}, domain="", macs=10 * 24 * 14),
    Probe("GRU", "f5,2,8 wf2,18,8 wf2,18,6", "f5,2,2,6 f2,2,6", "rnn", {"hidden_size": 6, "direction": "bidirectional"}, domain="", macs=2 * 10 * 18 * 14),
    Probe("RNN", "f5,2,8 wf1,6,8 wf1,6,6", "f5,1,2,6 f1,2,6", "rnn", {"hidden_size": 6}, domain="", macs=10 * 6 * 14),
]

LEARNING = [
    Probe("Scaler", "l2,4", "f2,4", "elementwise", {"offset": [0.0], "scale": [1.0]}, domain=ML),
    Probe("Imputer", "f2,4", "f2,4", "elementwise", {"imputed_value_floats": [0.0], "replaced_value_float": -1.0}, domain=ML),
    Probe("Normalizer", "f2,4", "f2,4", "norm", {"norm": "L2"}, domain=ML),
    Probe("Binarizer", "f2,4", "f2,4", "elementwise", {"threshold": 0.5}, domain=ML),
    Probe("FeatureVectorizer", "f2,4 f2,3", "f2,7", "move", {"inputdimensions": [4, 3]}, domain=ML),
    Probe("ArrayFeatureExtractor", "f2,4 l3", "f2,3", "gather", domain=ML),
    Probe("LabelEncoder", "s2,4", "l2,4", "gather", {"keys_strings": ["a"], "values_int64s": [1]}, domain=ML),
    Probe("CategoryMapper", "s2,4", "l2,4", "gather", {"cats_strings": ["a"], "cats_int64s": [1]}, domain=ML),
    Probe("OneHotEncoder", "l2,4", "f2,4,3", "scatter", {"cats_int64s": [1, 2, 3]}, domain=ML),
    Probe("LinearRegressor", "f2,4", "f2,3", "opaque", {"targets": 3, "coefficients": [0.0] * 12}, domain=ML),
    Probe("LinearClassifier", "f2,4", "l2 f2,3", "opaque", {"coefficients": [0.0] * 12, "intercepts": [0.0] * 3, "classlabels_ints": [0, 1, 2]}, domain=ML),
    Probe("SVMRegressor", "f2,4", "f2,1", "opaque", {"coefficients": [0.0] * 4, "n_supports": 0}, domain=ML),
    Probe("SVMClassifier", "f2,4", "s2 f2,2", "opaque", {"coefficients": [0.0] * 8, "classlabels_strings": ["a", "b"]}, domain=ML),
    Probe("TreeEnsembleRegressor", "f2,4", "f2,3", "opaque", {"n_targets": 3}, domain=ML),
    Probe("TreeEnsembleClassifier", "f2,4", "l2 f2,3", "opaque", {"classlabels_int64s": [0, 1, 2]}, domain=ML),
]

GAPS = [
    Probe("GroupNormalization", "f2,4,8,8 wf4 wf4", "f2,4,8,8", "norm", {"num_groups": 2}, domain=""),
    Probe("MeanVarianceNormalization", "f2,4,8,8", "f2,4,8,8", "norm", domain=""),
    Probe("MaxUnpool", "f1,1,2,2 l1,1,2,2 l=1,1,5,5", "f1,1,5,5", "scatter", {"kernel_shape": [2, 2], "strides": [2, 2]}, domain=""),
    Probe("STFT", "f1,128,1 l:8 f16", "f1,15,9,2", "opaque", domain=""),
    Probe("Upsample", "f1,1,2,2 f=1,1,2,3", "f1,1,4,6", "move", {"mode": "nearest"}, domain=""),
    Probe("MaxRoiPool", "f1,3,16,16 f2,5", "f2,3,4,4", "pool", {"pooled_shape": [4, 4]}, domain=""),
    Probe("Multinomial", "f2,5", "i2,7", "sort", {"sample_size": 7}, domain=""),
    Probe("EyeLike", "f3,4", "f3,4", "move", domain=""),
    Probe("RandomNormal", "", "f2,3", "move", {"shape": [2, 3]}, domain=""),
    Probe("RandomUniformLike", "f2,3", "f2,3", "move", domain=""),
    Probe("LpPool", "f1,3,8,8", "f1,3,7,7", "pool", {"kernel_shape": [2, 2]}, domain=""),
    Probe("GlobalLpPool", "f1,3,8,8", "f1,3,1,1", "pool", domain=""),
    Probe("LRN", "f1,3,8,8", "f1,3,8,8", "norm", {"size": 3}, domain=""),
    Probe("TensorScatter", "f1,2,8,4 f1,2,3,4 l1", "f1,2,8,4", "scatter", {"axis": -2}, domain=""),
]

STANDARD = [*PRODUCTS, *CONVOLUTIONS, *SEQUENCES, *LEARNING, *GAPS]
