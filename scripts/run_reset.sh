#!/usr/bin/env bash
# Removes a warehouse. Embedded: the whole home: databases, lake, landing files, mail, logs,
# passwords. On a cluster (WAREHOUSE_MODE=cluster), through Spark: the Hive databases, all below
# LAKE_URI, and gold's content; landing files, roles and mail stay.
# Usage:  scripts/run_reset.sh                       says what would go, and a checksum
#         scripts/run_reset.sh --confirm CHECKSUM    removes just that
# Exit:   0 done, 1 a defect, 2 not a home or another checksum, 4 a job is running (cluster),
#         75 a service does not answer, or Postgres does not end
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "$PYTHON" -m jobs.reset "$@"
