#!/usr/bin/env bash
# Does some dates again: puts their files back from landing/done and runs the whole chain with
# --force on these dates, in one Spark application. Where all is right, nothing changes.
# Usage:  scripts/run_backfill.sh --from YYYY-MM-DD --to YYYY-MM-DD [--source SOURCE] [--accept WHY] [--dry-run] [--scheduled]
#           --from, --to  dates in the files' names (of a transaction log, the start of its
#                         window), both inclusive
#           --source      transactions, products or countries; all three when left out
#           --accept      why what the breaker would hold back is published, in this run alone
#           --dry-run     list the files; change nothing
#           --scheduled   wait for locks (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect, 2 usage, 3 files were refused (everything good went through)
#         or a load was held back (nothing of it was published; docs/checks.md),
#         4 already running, 75 a service did not answer: try again later
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/backfill.py "$@"
