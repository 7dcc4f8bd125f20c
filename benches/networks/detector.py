"""A detector of the shape of YOLOv8n, up to where its boxes are decoded."""

from builder import Builder


def yolov8n(name, size):
    """Backbone, neck and heads; 64 numbers of boxes and 80 classes for each position.

    Left out is what only says where the boxes are: a softmax over 16 numbers and the
    grid, which those who read the result compute themselves.
    """
    net = Builder(name, (3, size, size))
    value = convolution(net, convolution(net, "input", 16, stride=2), 32, stride=2)
    value = split_blocks(net, value, 32, 1)
    value = convolution(net, value, 64, stride=2)
    fine = split_blocks(net, value, 64, 2)
    value = convolution(net, fine, 128, stride=2)
    middle = split_blocks(net, value, 128, 2)
    value = convolution(net, middle, 256, stride=2)
    coarse = pyramid_pool(net, split_blocks(net, value, 256, 1), 256)
    # Up the pyramid, and down again.
    value = net.concat([net.upsample(coarse), middle])
    middle = split_blocks(net, value, 128, 1, shortcut=False)
    value = net.concat([net.upsample(middle), fine])
    fine = split_blocks(net, value, 64, 1, shortcut=False)
    value = net.concat([convolution(net, fine, 64, stride=2), middle])
    middle = split_blocks(net, value, 128, 1, shortcut=False)
    value = net.concat([convolution(net, middle, 128, stride=2), coarse])
    coarse = split_blocks(net, value, 256, 1, shortcut=False)
    return net, net.concat([head(net, level) for level in (fine, middle, coarse)], 1)


def convolution(net, source, channels, kernel=3, stride=1):
    """Convolution, normalisation and SiLU."""
    padding = kernel // 2
    value = net.conv(source, channels, kernel, stride, padding, bias=False)
    return net.silu(net.norm(value))


def split_blocks(net, source, channels, blocks, shortcut=True):
    """C2f: one half goes on through blocks, and all that it becomes is kept."""
    parts = net.halves(convolution(net, source, channels, kernel=1))
    for _ in range(blocks):
        value = convolution(net, parts[-1], channels // 2)
        value = convolution(net, value, channels // 2)
        parts.append(net.add(parts[-1], value) if shortcut else value)
    return convolution(net, net.concat(parts), channels, kernel=1)


def pyramid_pool(net, source, channels):
    """SPPF: maxima over windows of 5, 9 and 13."""
    parts = [convolution(net, source, channels // 2, kernel=1)]
    for _ in range(3):
        parts.append(net.max_pool(parts[-1], kernel=5, stride=1, padding=2))
    return convolution(net, net.concat(parts), channels, kernel=1)


def head(net, source):
    """Boxes and classes of one level, by position."""
    parts = []
    for hidden, outputs in ((64, 64), (80, 80)):
        value = convolution(net, convolution(net, source, hidden), hidden)
        parts.append(net.conv(value, outputs, 1))
    value = net.concat(parts)
    channels, height, width = net.shapes[value]
    return net.reshape(value, (channels, height * width))
