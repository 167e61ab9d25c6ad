#!/usr/bin/env bash
# Takes waiting transaction logs into bronze: ecommerce_db.transactions_raw.
# Every row of a file is kept, bad ones with their exact text; the same file again changes nothing.
# Usage:  scripts/run_ingest_transactions.sh [--from D] [--to D] [--force] [--dry-run] [--scheduled]
#           --from, --to YYYY-MM-DD  only files of these dates (start of their windows), both inclusive;
#                        either may be left out; other files stay
#           --force      does nothing here: a file is known by its content
#           --dry-run    say what would be done; change nothing
#           --scheduled  wait for the lock (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect, 2 usage, 3 files were refused (the good ones are in),
#         4 already running, 75 a service did not answer: try again later
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/bronze/ingest_transactions.py "$@"
