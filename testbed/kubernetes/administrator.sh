# Sourced by parts that put something into the cluster: kubectl and helm as its administrator.
# shellcheck shell=bash

kubectl() { "$(component kubernetes)/kubectl" --kubeconfig "$state/kubernetes/admin.conf" --request-timeout=60s "$@"; }
helm() { "$(component helm)/helm" --kubeconfig "$state/kubernetes/admin.conf" "$@"; }
