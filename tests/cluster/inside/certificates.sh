# shellcheck shell=bash
# One authority, one server certificate, and a random token for each component instead of client certificates: quick to make.

make_certificates() {
  local n
  openssl genrsa -out "$PKI/sa.key" 2048 2>/dev/null
  elliptic_key ca -x509 -days 365 -subj /CN=e2e-ca -out "$PKI/ca.crt" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
  elliptic_key apiserver -subj /CN=kube-apiserver -out "$PKI/apiserver.csr"
  sign_apiserver
  umask 077
  : >"$PKI/tokens.csv"
  make_user admin admin system:masters
  make_user addons addons system:masters
  make_user dns dns system:masters
  make_user controller-manager system:kube-controller-manager controller-manager
  make_user scheduler system:kube-scheduler scheduler
  make_user proxy system:kube-proxy proxy
  for n in $(seq "$NODES"); do make_user "node$n" "system:node:$NAME-n$n" system:nodes; done
  umask 022
}

elliptic_key() { # FILE OPENSSL_ARGUMENT...
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$PKI/$1.key" "${@:2}" 2>/dev/null
}

sign_apiserver() { # it names kubernetes.default.svc.cluster.local, without which RabbitMQ's peer discovery refuses it
  openssl x509 -req -in "$PKI/apiserver.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 365 -out "$PKI/apiserver.crt" \
    2>/dev/null -extfile - <<EXTENSIONS
subjectAltName=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:$API,IP:10.$SLOT.128.1,IP:127.0.0.1
extendedKeyUsage=serverAuth
EXTENSIONS
}

make_user() { # FILE USER GROUP
  local token
  token=$(openssl rand -hex 16)
  echo "$token,$2,$2,\"$3\"" >>"$PKI/tokens.csv"
  cat >"$PKI/$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: $NAME, cluster: {server: "https://$API:6443", certificate-authority-data: $(base64 -w0 <"$PKI/ca.crt")}}]
users: [{name: $NAME, user: {token: $token}}]
contexts: [{name: $NAME, context: {cluster: $NAME, user: $NAME}}]
current-context: $NAME
YAML
}
