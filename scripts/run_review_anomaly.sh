#!/usr/bin/env bash
# Judges an anomaly, and says what that does to the product's thresholds.
# Usage:  scripts/run_review_anomaly.sh TRANSACTION_ID --status STATUS [--note TEXT] [--who NAME] [--dry-run]
#           --status     NEW, REVIEWED, RESOLVED (truly odd: leaves the baselines)
#                        or FALSE_POSITIVE (a floor for the thresholds of the next 12 months)
#           --note       what was found out
#           --who        who says so; your log-in when left out
# Exit:   0 done, 1 a defect, 2 usage or no such anomaly, 4 already running,
#         75 Postgres did not answer: try again later
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${PYTHON_JOB[@]}" jobs/analytics/review_anomaly.py "$@"
