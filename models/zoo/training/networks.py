"""The networks of the zoo (graph.py tells how they are described)."""

from .data import (
    CLASS_COUNT,
    COLOURED_SIDE,
    ColouredDigits,
    DigitPairs,
    Digits,
    SegmentedDigits,
)
from .graph import Network, On
from .layers import BatchNorm, Conv, ConvTranspose, DepthwiseConv, Gemm
from .plain import (
    Add,
    Concat,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    Mul,
    Relu,
    Relu6,
    Sub,
    Upsample,
)

PICTURE = (3, COLOURED_SIDE, COLOURED_SIDE)
LOGITS = (CLASS_COUNT,)


def residual(prefix, source, channels, stride):
    """Two 3x3 convolutions and a shortcut around them, a 1x1 convolution where the
    shape changes.  The result is the node PREFIX.relu2."""
    main = {
        f"{prefix}.conv1": On(
            Conv(channels, kernel=3, pad=1, bias=False, stride=stride), (source,)
        ),
        f"{prefix}.batchnorm1": BatchNorm(),
        f"{prefix}.relu1": Relu(),
        f"{prefix}.conv2": Conv(channels, kernel=3, pad=1, bias=False),
        f"{prefix}.batchnorm2": BatchNorm(),
    }
    if stride == 1:
        shortcut, end = {}, source
    else:
        end = f"{prefix}.shortcut"
        conv = Conv(channels, kernel=1, stride=stride)
        shortcut = {end: On(conv, (source,))}
    join = {
        f"{prefix}.add": On(Add(), (f"{prefix}.batchnorm2", end)),
        f"{prefix}.relu2": Relu(),
    }
    return main | shortcut | join


def inverted_residual(prefix, source, inputs, channels, stride, expand):
    """Widen by a 1x1 convolution, filter each channel, narrow by a 1x1 convolution;
    with a shortcut where the shape stays.  The result is the last node."""
    hidden = inputs * expand
    block = {
        f"{prefix}.expand": On(Conv(hidden, kernel=1, bias=False), (source,)),
        f"{prefix}.batchnorm1": BatchNorm(),
        f"{prefix}.clip1": Relu6(),
        f"{prefix}.depthwise": DepthwiseConv(hidden, stride),
        f"{prefix}.batchnorm2": BatchNorm(),
        f"{prefix}.clip2": Relu6(),
        f"{prefix}.project": Conv(channels, kernel=1, bias=False),
        f"{prefix}.batchnorm3": BatchNorm(),
    }
    if stride == 1 and inputs == channels:
        block[f"{prefix}.add"] = On(Add(), (source, f"{prefix}.batchnorm3"))
    return block


def normalised(prefix, channels, *sources):
    """3x3 convolution, batch normalisation and ReLU; the result is PREFIX.relu."""
    conv = Conv(channels, kernel=3, pad=1, bias=False)
    return {
        f"{prefix}.conv": On(conv, sources) if sources else conv,
        f"{prefix}.batchnorm": BatchNorm(),
        f"{prefix}.relu": Relu(),
    }


def resnet():
    """ResNet-8: one residual block at each of three sizes."""
    return {
        "conv1": Conv(16, kernel=3, pad=1, bias=False),
        "batchnorm1": BatchNorm(),
        "relu1": Relu(),
        **residual("block1", "relu1", 16, stride=1),
        **residual("block2", "block1.relu2", 32, stride=2),
        **residual("block3", "block2.relu2", 64, stride=2),
        "pool": GlobalAveragePool(),
        "flatten": Flatten(),
        "gemm": Gemm(CLASS_COUNT),
    }


def mobilenet():
    """A small MobileNetV2: five inverted residual blocks, two with shortcuts."""
    return {
        "stem": Conv(8, kernel=3, pad=1, bias=False),
        "stem.batchnorm": BatchNorm(),
        "stem.clip": Relu6(),
        **inverted_residual("block1", "stem.clip", 8, 16, stride=2, expand=3),
        **inverted_residual("block2", "block1.batchnorm3", 16, 16, stride=1, expand=4),
        **inverted_residual("block3", "block2.add", 16, 24, stride=2, expand=4),
        **inverted_residual("block4", "block3.batchnorm3", 24, 24, stride=1, expand=4),
        **inverted_residual("block5", "block4.add", 24, 32, stride=2, expand=4),
        "head": Conv(96, kernel=1, bias=False),
        "head.batchnorm": BatchNorm(),
        "head.clip": Relu6(),
        "pool": GlobalAveragePool(),
        "flatten": Flatten(),
        "gemm": Gemm(CLASS_COUNT),
    }


def unet():
    """Down twice, up twice; on the way up the earlier values of each size join in."""
    return {
        **normalised("down1", 8),
        "pool1": MaxPool(),
        **normalised("down2", 16),
        "pool2": MaxPool(),
        **normalised("middle", 32),
        "up2": ConvTranspose(16),
        "join2": On(Concat(), ("down2.relu", "up2")),
        **normalised("merge2", 16),
        "up1": Upsample(),
        "join1": On(Concat(), ("down1.relu", "up1")),
        **normalised("merge1", 8),
        "head": Conv(2, kernel=1),
    }


def twin_branch(side, owner):
    """The features of one digit; the weights are those of the branch OWNER."""
    chain = {
        "conv1": Conv(8, kernel=3, pad=1),
        "relu1": Relu(),
        "maxpool1": MaxPool(),
        "conv2": Conv(16, kernel=3, pad=1),
        "relu2": Relu(),
        "maxpool2": MaxPool(),
        "flatten": Flatten(),
        "gemm": Gemm(32),
        "relu3": Relu(),
    }
    branch = {}
    source = side
    for name, layer in chain.items():
        branch[f"{side}.{name}"] = On(layer, (source,), f"{owner}.{name}")
        source = f"{side}.{name}"
    return branch


def twins():
    """Compares the features of two digits by difference and by product."""
    features = ("left.relu3", "right.relu3")
    return {
        **twin_branch("left", "left"),
        **twin_branch("right", "left"),
        "difference": On(Sub(), features),
        "product": On(Mul(), features),
        "join": On(Concat(), (*features, "difference", "product")),
        "gemm1": Gemm(32),
        "relu1": Relu(),
        "gemm2": Gemm(2),
    }


def networks() -> list[Network]:
    return [
        Network(
            name="mlp-64-32-16-10",
            data=Digits(side=8, shape=(64,), max_shift=0),
            inputs={"image": (64,)},
            output_shape=LOGITS,
            layers={
                "gemm1": Gemm(32),
                "relu1": Relu(),
                "gemm2": Gemm(16),
                "relu2": Relu(),
                "gemm3": Gemm(CLASS_COUNT),
            },
            epochs=200,
        ),
        Network(
            name="cnn-8x8",
            data=Digits(side=8, shape=(1, 8, 8), max_shift=1),
            inputs={"image": (1, 8, 8)},
            output_shape=LOGITS,
            layers={
                "conv1": Conv(8, kernel=3, pad=1, bias=False),
                "batchnorm1": BatchNorm(),
                "relu1": Relu(),
                "maxpool1": MaxPool(),
                "conv2": Conv(16, kernel=3, pad=1),
                "relu2": Relu(),
                "maxpool2": MaxPool(),
                "flatten1": Flatten(),
                "gemm1": Gemm(CLASS_COUNT),
            },
            epochs=120,
        ),
        Network(
            name="lenet5",
            data=Digits(side=28, shape=(1, 28, 28), max_shift=2),
            inputs={"image": (1, 28, 28)},
            output_shape=LOGITS,
            layers={
                "conv1": Conv(6, kernel=5),
                "relu1": Relu(),
                "maxpool1": MaxPool(),
                "conv2": Conv(16, kernel=5),
                "relu2": Relu(),
                "maxpool2": MaxPool(),
                "flatten1": Flatten(),
                "gemm1": Gemm(120),
                "relu3": Relu(),
                "gemm2": Gemm(84),
                "relu4": Relu(),
                "gemm3": Gemm(CLASS_COUNT),
            },
            epochs=60,
        ),
        Network(
            name="mlp-784-512-256-10",
            data=Digits(side=28, shape=(784,), max_shift=2),
            inputs={"image": (784,)},
            output_shape=LOGITS,
            layers={
                "gemm1": Gemm(512),
                "relu1": Relu(),
                "gemm2": Gemm(256),
                "relu2": Relu(),
                "gemm3": Gemm(CLASS_COUNT),
            },
            epochs=60,
        ),
        Network(
            name="resnet8-32",
            data=ColouredDigits(),
            inputs={"image": PICTURE},
            output_shape=LOGITS,
            layers=resnet(),
            epochs=120,
        ),
        Network(
            name="mobilenetv2-32",
            data=ColouredDigits(),
            inputs={"image": PICTURE},
            output_shape=LOGITS,
            layers=mobilenet(),
            epochs=100,
        ),
        Network(
            name="unet-32",
            data=SegmentedDigits(),
            inputs={"image": PICTURE},
            output_shape=(2, COLOURED_SIDE, COLOURED_SIDE),
            layers=unet(),
            epochs=80,
            minimum_accuracy=0.97,
        ),
        Network(
            name="twins",
            data=DigitPairs(max_shift=1),
            inputs={"left": (1, 8, 8), "right": (1, 8, 8)},
            output_shape=(2,),
            layers=twins(),
            epochs=200,
            minimum_accuracy=0.93,
        ),
    ]
