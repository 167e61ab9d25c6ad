#!/usr/bin/env bash
# Computes the anomaly baselines of a month ahead; with --rescore-all, everything anew
# (after ANOMALY_K or ANOMALY_MIN_LINES changed).
# Usage:  scripts/run_refresh_baselines.sh [--month YYYY-MM] [--rescore-all] [--dry-run] [--scheduled]
#           --dry-run    say what would be done; change nothing
#           --scheduled  wait for the lock (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect, 2 usage, 4 already running, 75 Postgres did not answer
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${PYTHON_JOB[@]}" jobs/analytics/refresh_baselines.py "$@"
