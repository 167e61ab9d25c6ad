#!/usr/bin/env bash
# Sets the warehouse up once its services are healthy: directories on HDFS, roles, schema. HDFS may
# still refuse changes for some seconds, so the exit code 75 is tried again.
# Usage:  docker/set_up.sh
#           SET_UP_TRIES    how often (10)
#           SET_UP_SECONDS  before the next try (6)
# Exit:   that of scripts/run_setup.sh
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for ((try = 1; try < ${SET_UP_TRIES:-10}; try++)); do
  code=0
  scripts/run_setup.sh || code=$?
  [[ "$code" == 75 ]] || exit "$code"
  sleep "${SET_UP_SECONDS:-6}"
done
exec scripts/run_setup.sh
