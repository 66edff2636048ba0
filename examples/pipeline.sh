#!/bin/sh
# A step of any other pipeline, or a cron job: brings the profile to the cluster where that is needed, and proves it.
# It needs mqctl, helm and kubectl on PATH, a kubeconfig, and what the profile's `credentials` name.
set -eu

mqctl profile check prodmq

difference=0
mqctl plan prodmq --detailed-exitcode || difference=$?
case $difference in
  0) echo "prodmq is what the profile says" ;;
  2) mqctl install prodmq --yes --timeout 15m ;;
  *) exit "$difference" ;;
esac

mqctl status prodmq
mqctl credentials verify prodmq
