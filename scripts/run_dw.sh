#!/usr/bin/env bash
# Brings the star in the lake, ecommerce_dw, up to the files that gold has taken.
# Usage:  scripts/run_dw.sh [--dry-run] [--scheduled]
#           --dry-run    say what would be done; change nothing
#           --scheduled  wait for the lock (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect, 2 usage, 4 already running, 75 a service did not answer
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/gold/load_dw.py "$@"
