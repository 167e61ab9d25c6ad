#!/usr/bin/env bash
# Mails the data stewards what is new: odd order lines and lines that could not be loaded.
# With nothing new, nothing is sent. A mail that failed is kept and sent by the next run.
# Usage:  scripts/run_send_mail.sh [--dry-run] [--scheduled]
#           --dry-run    show the mail as text; send and change nothing
#           --scheduled  wait for another sender to end, as scheduled runs do
# Exit:   0 done, 2 a setting is wrong or the server refuses for good, 4 already running,
#         75 Postgres or the mail server does not answer: try again later
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${PYTHON_JOB[@]}" jobs/notify/send_mail.py "$@"
