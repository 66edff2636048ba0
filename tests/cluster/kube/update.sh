#!/bin/bash
# update.sh VERSION : makes go.mod and go.sum anew for that version of Kubernetes, from the go.mod of k8s.io/kubernetes itself.
# Kubernetes cannot be had by `go install`: its go.mod requires its own staging modules at v0.0.0, with replacements by local folders;
# here they are replaced by their published versions. No `go mod tidy`: it would fetch the tests of every dependency.
set -euo pipefail
cd "$(dirname "$0")"
version=$1 staging=v0.${1#*.}
upstream=$(cd / && go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
{
  sed -e 's#^module .*#module example.invalid/kube#' -e '/^replace (/,/^)/d' -e "s#\(k8s.io/[a-z-]*\) v0\.0\.0\$#\1 $staging#" "$upstream"
  printf '\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' "$version"
  sed -n "s#^\t\(k8s.io/[a-z-]*\) v0\.0\.0\$#\t\1 => \1 $staging#p" "$upstream"
  echo ')'
} >go.mod
rm -f go.sum
go list -mod=mod -deps . >/dev/null
sed -i "s/^KUBERNETES=[^ ]*/KUBERNETES=$version/" ../parts/kube
