#!/usr/bin/env bash
# Says which mart views are ready, and mails the stewards which are late and why: once a day a
# view. Of the day whose READY_BY was last, gold must have both lists and every transactions
# window that ended two hours before, its last load must have ended well, nothing may wait to be
# scored, and each view is read.
# Usage:  scripts/run_check_readiness.sh [--at "YYYY-MM-DD HH:MM"] [--dry-run] [--scheduled]
#           --at         judge as of this moment (UTC) instead of now
#           --dry-run    say it; record and mail nothing
#           --scheduled  wait for the lock (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 all are ready, 1 a defect, 2 usage, 3 some are late (also when the mail could not be
#         sent: it is kept), 4 already running, 75 Postgres did not answer
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${PYTHON_JOB[@]}" jobs/readiness.py "$@"
