#!/usr/bin/env python3
"""Write the networks that are measured but not shipped: their weights are random.

For each network, a folder NAME/ with the files of a network of the zoo:

    NAME.onnx         float32 network, opset 17, symbolic batch dimension
    calibration.npz   16 samples by input name (4 large ones), for choosing scales
    sample.npy        one more sample, batch dimension 1

The bytes depend on a network's name and on the versions in requirements.txt alone.

Usage:
    python make.py                          every network, into target/networks
    python make.py --network resnet18-32    one (may be repeated)
    python make.py --output some/folder     write somewhere else
    python make.py --list                   print the names
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from attention import layer
from builder import Builder
from detector import yolov8n

REPOSITORY = Path(__file__).resolve().parents[2]
CALIBRATION_SAMPLES = 16
LENGTHS = (8, 16, 32, 64, 128, 256, 512)
# Of inputs of more than 2^16 numbers: some are enough for noise, and files stay small.
FEWER_SAMPLES = 4


def lenet_colour(name):
    """LeNet-5 as it is usual for CIFAR: as the zoo's lenet5, on 3 by 32 by 32."""
    net = Builder(name, (3, 32, 32))
    value = "input"
    for channels in (6, 16):
        value = net.max_pool(net.relu(net.conv(value, channels, kernel=5)))
    value = net.flatten(value)
    for features in (120, 84):
        value = net.relu(net.dense(value, features))
    return net, net.dense(value, 10)


def dense(name, inputs, width, depth, outputs):
    """`depth` hidden layers of `width`."""
    net = Builder(name, (inputs,))
    value = "input"
    for _ in range(depth):
        value = net.relu(net.dense(value, width))
    return net, net.dense(value, outputs)


def resnet18(name):
    """ResNet-18 as it is usual for CIFAR: a 3 by 3 stem, no pooling behind it."""
    net = Builder(name, (3, 32, 32))
    value = net.conv("input", 64, kernel=3, padding=1, bias=False)
    value = net.relu(net.norm(value))
    for stage, channels in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage > 0 and block == 0 else 1
            value = basic_block(net, value, channels, stride)
    return net, net.dense(net.mean_pool(value), 10)


def basic_block(net, source, channels, stride):
    value = net.conv(source, channels, 3, stride, padding=1, bias=False)
    value = net.relu(net.norm(value))
    value = net.conv(value, channels, 3, padding=1, bias=False)
    # Halved, so that eight additions in a row do not blow activations up.
    value = net.norm(value, scale=0.5)
    if stride > 1:
        source = net.norm(net.conv(source, channels, 1, stride, bias=False))
    return net.relu(net.add(value, source))


def resnet50(name):
    """ResNet-50 on 224 by 224, as it is usual for ImageNet, with its 1000 classes."""
    net = Builder(name, (3, 224, 224))
    value = net.conv("input", 64, kernel=7, stride=2, padding=3, bias=False)
    value = net.max_pool(net.relu(net.norm(value)), kernel=3, padding=1)
    for stage, (channels, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            value = bottleneck(net, value, channels, stride, project=block == 0)
    return net, net.dense(net.mean_pool(value), 1000)


def bottleneck(net, source, channels, stride, project):
    value = net.relu(net.norm(net.conv(source, channels, 1, bias=False)))
    value = net.conv(value, channels, 3, stride, padding=1, bias=False)
    value = net.relu(net.norm(value))
    value = net.norm(net.conv(value, 4 * channels, 1, bias=False), scale=0.5)
    if project:
        source = net.norm(net.conv(source, 4 * channels, 1, stride, bias=False))
    return net.relu(net.add(value, source))


def mobilenetv2(name):
    """MobileNetV2 on 224 by 224, width 1."""
    net = Builder(name, (3, 224, 224))
    value = net.relu6(net.norm(net.conv("input", 32, 3, 2, padding=1, bias=False)))
    settings = (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)
    settings += (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    for expansion, channels, blocks, first in settings:
        for block in range(blocks):
            stride = first if block == 0 else 1
            value = inverted_residual(net, value, expansion, channels, stride)
    value = net.relu6(net.norm(net.conv(value, 1280, 1, bias=False)))
    return net, net.dense(net.mean_pool(value), 1000)


def inverted_residual(net, source, expansion, channels, stride):
    inputs = net.shapes[source][0]
    value, hidden = source, inputs * expansion
    if expansion > 1:
        value = net.relu6(net.norm(net.conv(value, hidden, 1, bias=False)))
    value = net.conv(value, hidden, 3, stride, padding=1, bias=False, groups=hidden)
    value = net.relu6(net.norm(value))
    value = net.norm(net.conv(value, channels, 1, bias=False))
    return net.add(value, source) if stride == 1 and inputs == channels else value


def scaling(name, width, size):
    """Six 3 by 3 convolutions, twice the channels at each of two halvings.

    3.5 width size² activations behind convolutions; width and size grow together, as
    they do from a small network to a large one.
    """
    net = Builder(name, (3, size, size))
    value = "input"
    for stage in range(3):
        for layer in range(2):
            stride = 2 if stage > 0 and layer == 0 else 1
            value = net.conv(value, width << stage, 3, stride, padding=1)
            value = net.relu(value)
    return net, net.dense(net.mean_pool(value), 10)


NETWORKS = {
    "cnn-3x32x32": lenet_colour,
    "dense-4M": partial(dense, inputs=4, width=1024, depth=5, outputs=3),
    "resnet18-32": resnet18,
    "resnet50-224": resnet50,
    "mobilenetv2-224": mobilenetv2,
    "yolov8n-320": partial(yolov8n, size=320),
    "yolov8n-416": partial(yolov8n, size=416),
    # Named by the logarithm (base 2) of about how many cells their circuits have.
    "scaling-14": partial(scaling, width=4, size=20),
    "scaling-16": partial(scaling, width=8, size=28),
    "scaling-18": partial(scaling, width=16, size=40),
    "scaling-20": partial(scaling, width=32, size=56),
    "scaling-22": partial(scaling, width=64, size=80),
    # A layer of a transformer over so many tokens.
    **{f"layer-{tokens}": partial(layer, length=tokens) for tokens in LENGTHS},
}


def write(name, output):
    net, value = NETWORKS[name](name)
    folder = output / name
    folder.mkdir(parents=True, exist_ok=True)
    serialised = net.model(value).SerializeToString(deterministic=True)
    (folder / f"{name}.onnx").write_bytes(serialised)
    many = np.prod(net.input_shape) > 1 << 16
    samples = FEWER_SAMPLES if many else CALIBRATION_SAMPLES
    np.savez(folder / "calibration.npz", input=net.samples(samples))
    np.save(folder / "sample.npy", net.samples(1))
    print(
        f"{name}: {net.parameters} parameters, "
        f"{net.multiply_accumulates} multiply-accumulates"
    )


def main():
    parser = argparse.ArgumentParser(description="Write networks to measure.")
    parser.add_argument(
        "--network",
        action="append",
        choices=NETWORKS,
        help="write only this network (may be repeated; default: all)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=REPOSITORY / "target" / "networks",
        help="folder to write to (default: target/networks of the repository)",
    )
    parser.add_argument("--list", action="store_true", help="only print the names")
    arguments = parser.parse_args()
    names = arguments.network or list(NETWORKS)
    if arguments.list:
        print("\n".join(names))
        return
    for name in names:
        write(name, arguments.output)


if __name__ == "__main__":
    main()
