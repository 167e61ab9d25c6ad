#!/usr/bin/env bash
# Asks every data check of bronze and gold: keys, ranges, freshness, counts, references, version
# chains, and whether gold holds what bronze says, by count, sum and hash. Changes nothing. What
# fails goes to the stewards by mail, once; docs/checks.md says what each asks.
# Usage:  scripts/run_check_data.sh [--only NAME,…] [--at "YYYY-MM-DD HH:MM"] [--junit FILE] [--dry-run] [--scheduled]
#           --only       these checks; all when left out
#           --at         hold ages against this moment (UTC) instead of now
#           --junit      write the outcome as a JUnit file, too
#           --dry-run    say it; record and mail nothing
#           --scheduled  wait for the lock (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 all passed, or warned only; 1 a check of severity fail failed, or a defect; 2 usage,
#         4 already running, 75 a service did not answer: try again later
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/check_data.py "$@"
