# shellcheck shell=sh
# Starts the server as the image does where its chart leaves that to it. A container whose command is given has neither the
# image's entry point nor its arguments: "$@" is what the chart has as arguments.
vendor=/opt/bitnami/scripts/rabbitmq
if command -v docker-entrypoint.sh >/dev/null; then
  if [ $# = 0 ]; then set -- rabbitmq-server; fi
  exec docker-entrypoint.sh "$@"
fi
if [ -e "$vendor/entrypoint.sh" ]; then
  if [ $# = 0 ]; then set -- "$vendor/run.sh"; fi
  exec "$vendor/entrypoint.sh" "$@"
fi
echo "mqctl: the server is not started: its chart has no command, and the image has neither docker-entrypoint.sh nor $vendor/entrypoint.sh; \`mqctl force-boot --via file\` needs none" >&2
exit 1
