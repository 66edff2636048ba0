# shellcheck shell=bash
# etcd, API server, controllers, scheduler, kube-proxy, DNS, and the add-ons that a cloud would bring.

start_etcd() { # no fsync: these clusters do not outlive the machine
  daemon etcd etcd --name=e2e --data-dir="$STATE/etcd" --unsafe-no-fsync --log-level=warn --initial-cluster=e2e=http://127.0.0.1:2380 \
    --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 \
    --listen-peer-urls=http://127.0.0.1:2380 --initial-advertise-peer-urls=http://127.0.0.1:2380
}

start_apiserver() { # a lost node's pods move after 20 s instead of 300 s
  daemon apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address="$API" --advertise-address="$API" --secure-port=6443 \
    --cert-dir="$PKI" --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" \
    --service-cluster-ip-range="10.$SLOT.128.0/20" --service-account-issuer=https://kubernetes.default.svc \
    --service-account-signing-key-file="$PKI/sa.key" --service-account-key-file="$PKI/sa.key" --token-auth-file="$PKI/tokens.csv" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --kubelet-preferred-address-types=InternalIP --default-not-ready-toleration-seconds=20 --default-unreachable-toleration-seconds=20
}

apiserver_ready() { [ "$(curl -sk --max-time 2 "https://$API:6443/readyz")" = ok ]; }

start_controllers() {
  local user flags
  for user in controller-manager scheduler; do
    flags=("--kubeconfig=$PKI/$user.kubeconfig" "--authentication-kubeconfig=$PKI/$user.kubeconfig"
      "--authorization-kubeconfig=$PKI/$user.kubeconfig" --bind-address=127.0.0.1 --leader-elect=false)
    case $user in
      controller-manager) # a node is lost after 16 s instead of 50 s
        daemon "$user" kube-controller-manager "${flags[@]}" --service-account-private-key-file="$PKI/sa.key" --root-ca-file="$PKI/ca.crt" \
          --use-service-account-credentials=true --node-monitor-grace-period=16s --flex-volume-plugin-dir=/var/lib/flex-volumes ;;
      scheduler) daemon "$user" kube-scheduler "${flags[@]}" ;;
    esac
  done
  start_proxy
  start_dns
  daemon addons python3 "$STATE/inside/volumes-and-addresses.py" "$PKI/addons.kubeconfig" "$PKI/ca.crt" "$STATE/volumes" "$STATE/small" "10.$SLOT.250"
}

start_proxy() { # one for all nodes, as they share a network namespace; conntrack limits are the machine's and stay as they are
  daemon proxy kube-proxy --kubeconfig="$PKI/proxy.kubeconfig" --hostname-override="$NAME-n1" --proxy-mode=nftables \
    --cluster-cidr="10.$SLOT.0.0/17" --nodeport-addresses="10.$SLOT.0.0/17" \
    --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
}

start_dns() { # names of other domains fail at once: there is no way out of the cluster
  cat >"$STATE/Corefile" <<COREFILE
.:53 {
  bind $API
  errors
  ready $API:8181
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $PKI/dns.kubeconfig
    ttl 5
  }
}
COREFILE
  : >"$STATE/resolv.conf"
  daemon coredns "$COREDNS/coredns" -conf "$STATE/Corefile"
}

dns_ready() { curl -s --max-time 2 -o /dev/null --fail "http://$API:8181/ready"; }

admin() { # PATH : asks the API server; curl starts faster than kubectl
  curl -sk --max-time 5 -H "Authorization: Bearer $(sed -n 's/.*token: \([0-9a-f]*\).*/\1/p' "$PKI/admin.kubeconfig")" "https://$API:6443$1"
}

defaults_ready() { # what a first pod with a volume needs
  admin /apis/storage.k8s.io/v1/storageclasses/standard | grep -q '"provisioner"' &&
    admin /api/v1/namespaces/default/serviceaccounts/default | grep -q '"uid"' &&
    admin /api/v1/namespaces/default/configmaps/kube-root-ca.crt | grep -q '"uid"'
}
