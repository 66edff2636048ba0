# shellcheck shell=bash
# The nodes. Each is a mount namespace, so that every containerd and kubelet may use the usual paths.

SHARED=io.containerd.snapshotter.v1.overlayfs/snapshots

start_containerds() {
  local n
  write_containerd_config
  for n in $(seq "$NODES"); do
    mkdir -p "$STATE/n$n"/{kubelet,log}
    share_images "$STATE/n$n/containerd"
    write_cni_config "$n"
    daemon "node$n" unshare --mount --propagation private "$STATE/inside/node" "$STATE/n$n" "$STATE/containerd.toml"
  done
}

share_images() { # FOLDER : a containerd store that has all images. Its tables are copied; the layers, which overlayfs only reads, are
  local layer # links to the one copy in the cache, so that three nodes with three images take no time and no disk
  mkdir -p "$1/$SHARED"
  (cd "$IMAGES/containerd" && tar -c --exclude="./$SHARED/*" .) | tar -x -C "$1"
  for layer in "$IMAGES/containerd/$SHARED"/*; do ln -s "$layer" "$1/$SHARED/"; done
}

write_containerd_config() { # lowering oom_score_adj needs CAP_SYS_RESOURCE, which containers and virtual machines may lack
  cat >"$STATE/containerd.toml" <<TOML
version = 2
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "e2e.local/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "$DEBIAN/root/usr/sbin/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$DEBIAN/root/usr/lib/cni"
    conf_dir = "/run/cni"
TOML
}

write_cni_config() { # N
  cat >"$STATE/n$1/cni.conflist" <<JSON
{"cniVersion": "1.0.0", "name": "e2e", "plugins": [{"type": "bridge", "bridge": "n$1", "isGateway": true, "ipMasq": false, "hairpinMode": true,
 "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam", "ranges": [[{"subnet": "10.$SLOT.$1.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
JSON
}

write_kubelet_config() { # N : disk pressure only at 1 %, as the machine's disk is not the cluster's alone; images are never collected
  cat >"$STATE/n$1/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 10.$SLOT.$1.1
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /mq-$NAME/n$1
failCgroupV1: false
enforceNodeAllocatable: []
clusterDNS: [$API]
clusterDomain: cluster.local
resolvConf: $STATE/resolv.conf
failSwapOn: false
healthzPort: $((10300 + $1))
volumePluginDir: /var/lib/kubelet/volume-plugins
imageGCHighThresholdPercent: 100
evictionHard: {nodefs.available: "1%", imagefs.available: "1%"}
nodeStatusUpdateFrequency: 4s
YAML
}

start_kubelets() {
  local n
  for n in $(seq "$NODES"); do
    write_kubelet_config "$n"
    N=$n await "containerd of node $n" 30 containerd_ready "node$n"
    daemon "kubelet$n" nsenter -t "$(cat "$STATE/n$n/pid")" -m -- kubelet --config="$STATE/n$n/kubelet.yaml" \
      --kubeconfig="$PKI/node$n.kubeconfig" --hostname-override="$NAME-n$n" --node-ip="10.$SLOT.$n.1" \
      --node-labels="topology.kubernetes.io/zone=z$n" --v=2
  done
}

containerd_ready() { [ -s "$STATE/n$N/pid" ] && in_node "$N" test -S /run/containerd/containerd.sock; }

nodes_ready() { # Ready, and free of the taint that a new node has for a moment
  [ "$(admin /api/v1/nodes | jq "[.items[] | select((.spec.taints | not) and any(.status.conditions[]; .type == \"Ready\" and .status == \"True\"))] | length")" = "$NODES" ]
}
