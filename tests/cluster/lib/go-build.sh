# shellcheck shell=bash
# How the Go programs are built: with module and build cache inside the project's own cache, so that a build that was interrupted
# goes on where it was, and nothing grows in the user's Go folders. `prepare` frees both when all parts are made.

# Without debug information compiling takes a fifth less time and a quarter less disk; stack traces still have names and lines.
export GOMODCACHE=$CACHE/go/mod GOCACHE=$CACHE/go/build GOWORK=off CGO_ENABLED=0
GO_FLAGS=(-trimpath -buildvcs=false "-gcflags=all=-dwarf=false")

go_build() { # FOLDER OUT LINKER_FLAG...
  (cd "$1" && go build "${GO_FLAGS[@]}" -ldflags "-s -w ${*:3}" -o "$2" .)
}

build_helm() { # MAJOR VERSION OUT : the helm of that version, as helmMAJOR, and in bin/ under its own name
  local module=helm.sh/helm/v$1 flags kube
  kube=$(cd / && awk '$1 == "k8s.io/client-go" {split($2, v, "."); print v[2]}' "$(go mod download -json "$module@v$2" | jq -r .GoMod)")
  flags="-s -w -X $module/internal/version.version=v$2 -X $module/internal/version.gitTreeState=clean"
  if [ "$1" = 3 ]; then # helm 3 takes the Kubernetes version of `helm template` from the linker, helm 4 from its modules
    for package in pkg/lint/rules pkg/chartutil; do
      flags+=" -X $module/$package.k8sVersionMajor=1 -X $module/$package.k8sVersionMinor=$kube"
    done
  fi
  (cd / && GOBIN=$3/bin go install "${GO_FLAGS[@]}" -ldflags "$flags" "$module/cmd/helm@v$2")
  ln "$3/bin/helm" "$3/helm$1"
}
