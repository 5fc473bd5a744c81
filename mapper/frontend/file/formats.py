"""What a file that is no ONNX model looks like, told from its first bytes."""

from __future__ import annotations

HEAD_BYTES = 512

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"version https://git-lfs", "a Git LFS pointer"),
    (4, b"ORTM", "an ORT-format model"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (0, b"PK\x03\x04", "a zip archive, as PyTorch checkpoints are"),
    (0, b"\x80\x02", "a Python pickle, as old PyTorch checkpoints are"),
    (0, b"GGUF", "a GGUF model"),
    (0, b"\x89HDF", "an HDF5 file, as Keras models are"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"\x7fELF", "an ELF binary"),
    (0, b"\x93NUMPY", "a NumPy array"),
)
"""Offset, bytes and what they are."""

_NEXT = {
    "a Git LFS pointer": "run `git lfs pull`",
    "an ORT-format model": "map the .onnx file that it was made from",
    "a zip archive, as PyTorch checkpoints are": "export it with torch.onnx.export, or unpack the archive",
    "a Python pickle, as old PyTorch checkpoints are": "export the model with torch.onnx.export",
    "a safetensors file: weights without a graph": "export the model with torch.onnx.export or optimum-cli",
    "ONNX in text format": "convert it: onnx.save(onnx.load(FILE, format='textproto'), 'model.onnx')",
    "ONNX in its readable syntax": "convert it: onnx.save(onnx.parser.parse_model(text), 'model.onnx')",
    "a JSON text": "convert it if it is ONNX: onnx.save(onnx.load(FILE, format='json'), 'model.onnx')",
    "a web page": "download the file itself (the raw link)",
    "a gzip archive": "unpack it",
    "a Zstandard archive": "unpack it",
    "a 7z archive": "unpack it",
}
_TEXTPROTO = (b"ir_version:", b"producer_name:", b"opset_import", b"graph {", b"graph{", b"domain:", b"model_version:")


def looks_like(head: bytes, size: int) -> tuple[str, str] | None:
    """What the file is and what to do, where its first bytes tell; None where it may be an ONNX model."""
    what = _kind(head, size)
    return None if what is None else (what, _NEXT.get(what, "name a file in ONNX protobuf format"))


def _kind(head: bytes, size: int) -> str | None:
    for offset, magic, what in _MAGIC:
        if head.startswith(magic, offset):
            return what
    if len(head) > 8 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= size - 8:
        return "a safetensors file: weights without a graph"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in (b"{", b"[") and (text[1:].lstrip()[:1] in (b'"', b"}", b"{", b"[", b"]")):
        return "a JSON text"
    if text[:64].lower().startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if text.startswith(b"<?xml"):
        return "an XML text, as OpenVINO models are"
    if text.startswith(_TEXTPROTO):
        return "ONNX in text format"
    return "ONNX in its readable syntax" if text.startswith(b"<") and b"ir_version" in text else None
