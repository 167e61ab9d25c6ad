#!/usr/bin/env bash
# Tries lines in error again. A load does so by itself when prices or countries change.
# Usage:  scripts/run_replay_errors.sh [--rule RULE] [--run N] [--file NAME] [--max-attempts N] [--accept WHY] [--dry-run] [--scheduled]
#           --rule RULE  archived_month, malformed_row, no_price_in_effect or unknown_country
#           --run N      only lines that run N wrote
#           --file NAME  only lines of this file
#           --accept WHY why what the breaker would hold back is published, in this run alone
#           --dry-run    say what would be done; change nothing
#           --scheduled  wait for the lock (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect, 2 usage, 3 held back by the breaker, 4 already running, 75 a service did not answer
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/gold/replay_errors.py "$@"
