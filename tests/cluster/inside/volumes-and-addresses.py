#!/usr/bin/env python3
"""volumes-and-addresses.py KUBECONFIG CA FOLDER SMALL PREFIX : what a cloud would give.

Volumes: a default StorageClass `standard`, whose volumes are folders in FOLDER, bound to the node that the scheduler chose, growable,
removed with the claim; and `small`, whose volumes are the folders in SMALL, which can become full: one that is used is emptied and
given again. Addresses: PREFIX.1, PREFIX.2, ... for Services of type LoadBalancer. It looks twice a second and keeps no state.
"""
import json
import os
import re
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.request

PROVISIONER = "e2e.local/path"
CLASSES, VOLUMES, CLAIMS = "/apis/storage.k8s.io/v1/storageclasses", "/api/v1/persistentvolumes", "/api/v1/persistentvolumeclaims"


class Api:
    def __init__(self, kubeconfig, ca):
        with open(kubeconfig) as file:
            text = file.read()
        self.server, self.token = re.search(r'server: "([^"]+)"', text)[1], re.search(r"token: (\w+)", text)[1]
        self.tls = ssl.create_default_context(cafile=ca)

    def call(self, path, body=None, method=None, kind="application/json"):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": kind}
        request = urllib.request.Request(self.server + path, method=method, data=data, headers=headers)
        with urllib.request.urlopen(request, context=self.tls, timeout=5) as answer:
            return json.load(answer)

    def items(self, path):
        return self.call(path)["items"]

    def patch(self, path, body):
        return self.call(path, body, "PATCH", "application/merge-patch+json")


def make_storage_class(api, name, default):
    default = {"storageclass.kubernetes.io/is-default-class": str(default).lower()}
    api.call(CLASSES, {"metadata": {"name": name, "annotations": default}, "provisioner": PROVISIONER,
                       "allowVolumeExpansion": True, "volumeBindingMode": "WaitForFirstConsumer", "reclaimPolicy": "Delete"})


def our_classes(api):
    return {item["metadata"]["name"] for item in api.items(CLASSES) if item["provisioner"] == PROVISIONER}


def remove_released(api, classes, volumes):
    for volume in volumes:
        spec = volume["spec"]
        if (spec.get("storageClassName") in classes and volume.get("status", {}).get("phase") == "Released"
                and spec["persistentVolumeReclaimPolicy"] == "Delete" and "deletionTimestamp" not in volume["metadata"]):
            shutil.rmtree(spec["local"]["path"], ignore_errors=True)
            api.call(f"{VOLUMES}/{volume['metadata']['name']}", method="DELETE")


def grow(api, claim):
    """A folder has no size of its own, so a claim that asks for more only has to be told that it has it."""
    size, status = claim["spec"]["resources"]["requests"]["storage"], claim["status"]
    if status["phase"] != "Bound" or status.get("capacity", {}).get("storage") == size:
        return
    meta = claim["metadata"]
    api.patch(f"{VOLUMES}/{claim['spec']['volumeName']}", {"spec": {"capacity": {"storage": size}}})
    api.patch(f"/api/v1/namespaces/{meta['namespace']}/persistentvolumeclaims/{meta['name']}/status",
              {"status": {"capacity": {"storage": size}, "conditions": []}})


def volume_for(claim, name, node, path):
    meta, spec = claim["metadata"], claim["spec"]
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {"metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}}, "spec": {
        "capacity": {"storage": spec["resources"]["requests"]["storage"]}, "accessModes": spec["accessModes"],
        "storageClassName": spec["storageClassName"], "persistentVolumeReclaimPolicy": "Delete", "local": {"path": path},
        "claimRef": {"kind": "PersistentVolumeClaim", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}}}}


def path_for(claim, name, folders, volumes):
    if claim["spec"]["storageClassName"] != "small":
        return os.path.join(folders["standard"], name)
    used = {volume["spec"].get("local", {}).get("path") for volume in volumes}
    every = (os.path.join(folders["small"], entry) for entry in sorted(os.listdir(folders["small"])))
    return next((path for path in every if path not in used), None)


def provide(api, claim, folders, volumes):
    meta = claim["metadata"]
    node = meta.get("annotations", {}).get("volume.kubernetes.io/selected-node")
    name = "pvc-" + meta["uid"]
    if claim["status"]["phase"] != "Pending" or not node or name in {volume["metadata"]["name"] for volume in volumes}:
        return
    path = path_for(claim, name, folders, volumes)
    if not path:
        return
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o777)
    volumes.append(api.call(VOLUMES, volume_for(claim, name, node, path)))


def look_after_volumes(api, folders):
    classes, volumes = our_classes(api), api.items(VOLUMES)
    remove_released(api, classes, volumes)
    for claim in api.items(CLAIMS):
        if claim["spec"].get("storageClassName") in classes:
            grow(api, claim)
            provide(api, claim, folders, volumes)


def address_of(service):
    return (service["status"]["loadBalancer"].get("ingress") or [{}])[0].get("ip")


def give_addresses(api, prefix):
    services = [item for item in api.items("/api/v1/services") if item["spec"].get("type") == "LoadBalancer"]
    used = {address_of(service) for service in services}
    for service in services:
        if address_of(service):
            continue
        address = next(f"{prefix}.{i}" for i in range(1, 255) if f"{prefix}.{i}" not in used)
        used.add(address)
        meta = service["metadata"]
        api.patch(f"/api/v1/namespaces/{meta['namespace']}/services/{meta['name']}/status",
                  {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})


def attempt(task, *arguments):
    """Runs a task; says whether it is done. What another writer did first (409) is done; anything else is tried again."""
    try:
        task(*arguments)
        return True
    except urllib.error.HTTPError as error:
        if error.code == 409:
            return True
        print(task.__name__, error, error.read()[:300], flush=True)
    except Exception as error:  # the API server may be restarting; a claim may lack a field for a moment
        print(task.__name__, repr(error), flush=True)
    return False


def main(kubeconfig, ca, folder, small, prefix):
    api, folders = Api(kubeconfig, ca), {"standard": folder, "small": small}
    for name in folders:
        while not attempt(make_storage_class, api, name, name == "standard"):
            time.sleep(0.2)
    while True:
        attempt(look_after_volumes, api, folders)
        attempt(give_addresses, api, prefix)
        time.sleep(0.5)


main(*sys.argv[1:])
