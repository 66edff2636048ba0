#!/usr/bin/env python3
"""docker-archive.py IMAGES.json OUT.tar : writes images in the format of `docker save`.

IMAGES.json is a list of {"names": [...], "config": {...}, "layers": [tar files beside IMAGES.json, lowest first]}. The format is chosen
because importers complete short names in it ("rabbitmq:4.0.5") the way they do for a pod. A layer that several images have is stored once.
"""
import hashlib
import io
import json
import os
import platform
import sys
import tarfile

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else sha256_by_blocks(file)


def sha256_by_blocks(file):
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(1 << 22), b""):
        digest.update(block)
    return digest.hexdigest()


class Archive:
    def __init__(self, out, folder):
        self.tar, self.folder, self.digests, self.manifest = tarfile.open(out, "w"), folder, {}, []

    def add_bytes(self, name, data):
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        self.tar.addfile(entry, io.BytesIO(data))

    def add_layer(self, layer):
        path = os.path.join(self.folder, layer)
        if layer not in self.digests:
            self.digests[layer] = sha256(path)
            entry = tarfile.TarInfo(self.digests[layer] + "/layer.tar")
            entry.size = os.path.getsize(path)
            with open(path, "rb") as file:
                self.tar.addfile(entry, file)
        return self.digests[layer]

    def add_image(self, image):
        digests = [self.add_layer(layer) for layer in image["layers"]]
        config = json.dumps({
            "architecture": ARCHITECTURE, "os": "linux", "created": "2024-01-01T00:00:00Z", "config": image["config"],
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest for digest in digests]},
            "history": [{"created_by": layer} for layer in image["layers"]]}).encode()
        name = hashlib.sha256(config).hexdigest() + ".json"
        self.add_bytes(name, config)
        self.manifest.append({"Config": name, "RepoTags": image["names"], "Layers": [digest + "/layer.tar" for digest in digests]})

    def finish(self):
        self.add_bytes("manifest.json", json.dumps(self.manifest).encode())
        self.tar.close()


def main(description, out):
    with open(description) as file:
        images = json.load(file)
    archive = Archive(out, os.path.dirname(description))
    for image in images:
        archive.add_image(image)
    archive.finish()


main(*sys.argv[1:])
