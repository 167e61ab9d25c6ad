#!/usr/bin/env bash
# Becomes one role of the cluster, in the foreground; in an image and as a plain process alike.
# Usage:  docker/entrypoint.sh ROLE            namenode, datanode, metastore, spark-master,
#                                              spark-worker, spark-history or jenkins-agent
#         docker/entrypoint.sh check ROLE      whether that role is well (exit code 0)
#         docker/entrypoint.sh run COMMAND …   any command of the project
# Settings are environment variables: cluster/settings.py and .env.example describe them.
# Exit:   2 usage or a setting is wrong, 75 something it needs does not answer; else the role's
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
case "${1:-}" in
run) shift && exec "$@" ;;
metastore) exec hive/entrypoint.sh ;;
check) exec "$PYTHON" -m cluster check "${@:2}" ;;
*) exec "$PYTHON" -m cluster run "$@" ;;
esac
