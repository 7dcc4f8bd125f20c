"""Inputs that fit the kind of a network, from pictures and sounds that anybody has or can make.

Each function returns a function from a count to that many samples by input name. Nothing is random
but by fixed seeds.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_images

TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


def crops(count, width, height, seed=0):
    """Crops of scikit-learn's two photographs, a quarter of them or more, resized."""
    rng = np.random.RandomState(seed)
    photographs = [Image.fromarray(array) for array in load_sample_images().images]
    for index in range(count):
        photograph = photographs[index % 2]
        share = rng.uniform(0.5, 1.0)
        w, h = int(photograph.width * share), int(photograph.height * share)
        left, top = rng.randint(photograph.width - w + 1), rng.randint(photograph.height - h + 1)
        box = (left, top, left + w, top + h)
        yield photograph.crop(box).resize((width, height), Image.BILINEAR)


def lines(count, width, height, seed=1):
    """Lines of text, dark on light, in PIL's own font."""
    rng = np.random.RandomState(seed)
    words = "the quick brown fox jumps over 13 lazy dogs at 48 km h and 7 more".split()
    for _ in range(count):
        light = tuple(int(x) for x in rng.randint(200, 256, 3))
        picture = Image.new("RGB", (width, height), light)
        text = " ".join(rng.choice(words, 4))
        font = ImageFont.load_default(size=height * 0.6)
        dark = tuple(int(x) for x in rng.randint(0, 80, 3))
        ImageDraw.Draw(picture).text((4, height * 0.12), text, fill=dark, font=font)
        yield picture


def pages(count, width, height, seed=2):
    """Photographs with lines of text on them."""
    rng = np.random.RandomState(seed)
    for picture in crops(count, width, height, seed):
        draw = ImageDraw.Draw(picture)
        for _ in range(3):
            size = int(rng.randint(height // 12, height // 6))
            place = (int(rng.randint(width // 2)), int(rng.randint(height - size)))
            text = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVWXYZ0123456789"), 6))
            font = ImageFont.load_default(size=size)
            box = draw.textbbox(place, text, font=font)
            draw.rectangle(box, fill=(240, 240, 235))
            draw.text(place, text, fill=(10, 10, 20), font=font)
        yield picture


def barcodes(count, width, height, seed=3):
    """Backs of books: a number and its bars, which say nothing, on a light page."""
    rng = np.random.RandomState(seed)
    for _ in range(count):
        light = tuple(int(x) for x in rng.randint(190, 256, 3))
        page = Image.new("RGB", (width, height), light)
        draw = ImageDraw.Draw(page)
        wide = int(rng.randint(width * 2 // 5, width * 3 // 5))
        high = int(rng.randint(height // 6, height // 4))
        x = int(rng.randint(width // 12, width - wide - width // 12))
        y = int(rng.randint(height // 6, height - high - height // 6))
        edge = height // 12
        draw.rectangle((x - 6, y - edge - 4, x + wide + 6, y + high + edge), fill=(255, 255, 255))
        font = ImageFont.load_default(size=height // 20)
        draw.text((x, y - edge), "ISBN 978-3-16-148410-0", fill=(0, 0, 0), font=font)
        for bar in np.flatnonzero(rng.randint(2, size=95)):
            draw.rectangle((x + bar * wide / 95, y, x + (bar + 1) * wide / 95, y + high),
                           fill=(0, 0, 0))
        font = ImageFont.load_default(size=height // 16)
        draw.text((x, y + high), "9783161484100", fill=(0, 0, 0), font=font)
        yield page


def picture(name, shape, make, scale=1 / 255, mean=0.0, std=1.0, bgr=False):
    """Pictures for one input of [1, C, H, W] or [1, H, W, C]."""
    channels_first = shape[1] in (1, 3)
    channels, height, width = shape[1:] if channels_first else (shape[3], shape[1], shape[2])

    def of(count):
        result = []
        for image in make(count, width, height):
            array = np.asarray(image.convert("L" if channels == 1 else "RGB"), np.float64)
            array = array.reshape(height, width, channels)
            array = array[..., ::-1] if bgr else array
            array = (array * scale - np.asarray(mean)) / np.asarray(std)
            array = array.transpose(2, 0, 1) if channels_first else array
            result.append(array[None].astype(np.float32))
        return {name: np.stack(result)}

    return of


def sounds(count, length, rate, seed=3):
    """Notes with overtones that swell and fade, and a little noise."""
    rng = np.random.RandomState(seed)
    time = np.arange(length) / rate
    for _ in range(count):
        pitch = rng.uniform(90, 500)
        harmonics = sum(np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, 6))
        envelope = np.sin(np.pi * (time / time[-1] * rng.uniform(0.5, 2) % 1))
        yield (0.2 * harmonics * envelope + 0.01 * rng.randn(length)).astype(np.float32)


def sound(name, shape, rate, extra=None):
    """Sounds for one input; `extra` are inputs that are the same every time."""

    def of(count):
        length = int(np.prod(shape))
        result = {name: np.stack([s.reshape(shape) for s in sounds(count, length, rate)])}
        for other, value in (extra or {}).items():
            result[other] = np.stack([value] * count)
        return result

    return of


def files(name, length):
    """The bytes at both ends of files that Python ships: sources of its standard library."""
    import os as library

    folder = library.path.dirname(library.__file__)

    def of(count):
        paths = sorted(p for p in library.listdir(folder) if p.endswith(".py"))
        result = []
        for path in paths[:: max(1, len(paths) // count)][:count]:
            with open(library.path.join(folder, path), "rb") as file:
                data = file.read().strip()
            half = length // 2
            ids = np.full((1, length), 256, np.int32)
            ends = np.frombuffer(data[:half], np.uint8), np.frombuffer(data[-half:], np.uint8)
            ids[0, : len(ends[0])] = ends[0]
            ids[0, length - len(ends[1]) :] = ends[1]
            result.append(ids)
        return {name: np.stack(result)}

    return of


def numbers(name, shape, seed=4):
    """Numbers from 0 to 1 without meaning."""

    def of(count):
        return {name: np.random.RandomState(seed).rand(count, *shape).astype(np.float32)}

    return of
