#!/usr/bin/env bash
# Keeps the lake and the logs small: small files into larger ones, old states and stray files
# away, logs put aside by the day and kept 30 days. No row changes; loads may run meanwhile.
# Usage:  scripts/run_maintain.sh [--only STEP,…] [--dry-run] [--scheduled]
#           --only       of compaction, expiry, orphans, logs
#           --dry-run    say what would be done: files, bytes, how old; change nothing
#           --scheduled  wait for a table's lock (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect, 2 usage, 4 tables were in use and left out, 75 a service did not answer
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/maintain/maintain.py "$@"
