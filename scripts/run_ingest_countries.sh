#!/usr/bin/env bash
# Takes waiting countries files into bronze (SCD type 0: the earliest-dated value stays).
# What later files say otherwise is reported as drift.
# Usage:  scripts/run_ingest_countries.sh [--from D] [--to D] [--replace] [--dry-run] [--scheduled]
#           --from, --to YYYY-MM-DD  only files of these dates (in their names), both inclusive;
#                        either may be left out; other files stay
#           --replace, --force  a file may take the place of another of its date
#           --dry-run    say what would be done; change nothing
#           --scheduled  wait for the lock (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect, 2 usage, 3 files were refused (the good ones are in),
#         4 already running, 75 a service did not answer: try again later
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/bronze/ingest_countries.py "$@"
