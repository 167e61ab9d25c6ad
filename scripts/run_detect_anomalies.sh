#!/usr/bin/env bash
# Flags odd order lines (z-score by product and month) among what changed since the last run.
# It works set-wise in Postgres, so it starts no Spark.
# Usage:  scripts/run_detect_anomalies.sh [--dry-run] [--scheduled]
#           --dry-run    say what would be done; change nothing
#           --scheduled  wait for the lock (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect, 2 usage, 4 already running, 75 Postgres did not answer
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${PYTHON_JOB[@]}" jobs/analytics/detect_anomalies.py "$@"
