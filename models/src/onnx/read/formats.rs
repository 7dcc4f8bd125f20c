//! Files that people take for ONNX: what they are by their first bytes, and what makes ONNX of
//! them.

/// What a file is and what to do with it, if it is one of these.
pub(super) fn other(bytes: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| bytes.starts_with(with);
    Some(match () {
        () if begins(b"zkinf.") => {
            "it is one of zkinfer's own files: give the one it was made from"
        }
        () if begins(b"PK\x03\x04") => {
            "it is an archive, as PyTorch's .pt and Keras's .keras are: write ONNX with \
            `torch.onnx.export` or `tf2onnx`"
        }
        () if begins(b"\x89HDF") => "it is HDF5, as Keras's .h5 is: write ONNX with `tf2onnx`",
        () if bytes.get(4..8) == Some(b"TFL3") => {
            "it is of TensorFlow Lite: `python -m tf2onnx.convert --tflite FILE --output m.onnx`"
        }
        () if begins(b"GGUF") => "it is GGUF, which holds weights and no graph: export the model",
        () if begins(b"\x93NUMPY") => "it is data, an array of numpy: give the model first",
        () if bytes.get(8) == Some(&b'{') && bytes.get(4..8) == Some(&[0; 4]) => {
            "it is safetensors, which holds weights and no graph: export the model"
        }
        () if begins(b"version https://git-lfs") => {
            "it is a pointer to the file in Git LFS: fetch it with `git lfs pull`"
        }
        () => return None,
    })
}
