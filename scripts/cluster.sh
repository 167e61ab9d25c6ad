#!/usr/bin/env bash
# Runs a real cluster on this machine: NameNode, DataNode, Hive metastore, Spark master and
# workers, history server, two Postgres servers, a mail catcher. All state is in CLUSTER_HOME
# (default .cluster); every service has a loopback address of its own.
# Usage:  scripts/cluster.sh up [--workers N]   start what isn't up, make what is missing
#         scripts/cluster.sh status             say what is up and where
#         scripts/cluster.sh run COMMAND …      run a command with the settings of jobs, such as
#                                               scripts/cluster.sh run scripts/run_pipeline.sh
#         scripts/cluster.sh env                print these settings, passwords among them
#         scripts/cluster.sh down               stop everything; the data stays
# Exit:   0 done, 2 usage, 75 a service does not come up or is down; with run, the command's
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
case "${1:-}" in
up | status | env | down) exec "$PYTHON" -m cluster "$@" ;;
run) exec "$PYTHON" -m cluster run-job -- "${@:2}" ;;
*) show_header "$0" && exit 2 ;;
esac
