#!/usr/bin/env bash
# Takes months older than GOLD_KEEP_MONTHS out of gold, once ecommerce_dw is shown to hold them as
# gold does; or brings some back. Loads leave archived months alone (docs/maintenance.md).
# Usage:  scripts/run_archive.sh [--reopen YYYY-MM] [--accept "WHY"] [--dry-run] [--scheduled]
#           --reopen     load that month, and all later ones that were archived, from bronze again
#           --accept     with --reopen: publish what the breaker holds back
#           --dry-run    say what would be done; change nothing
#           --scheduled  wait for the locks (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect, 2 usage, 3 held back by the breaker, 4 already running,
#         75 a service did not answer, anomalies are behind, or someone reads the fact for long
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/gold/archive.py "$@"
