#!/usr/bin/env bash
# Erases a customer: their lines stay, as a guest's, in gold, in the lake and its history, in landing.
# Nothing brings them back: what is delivered of them later is a guest's, too.
# Usage:  scripts/run_erase_customer.sh CUSTOMER_ID --why TEXT [--who NAME] [--dry-run] [--scheduled]
#           CUSTOMER_ID  the shop's number, first; - reads it from standard input
#           --why        for what reason; kept, so it may not hold the number
#           --who        who has it done; your log-in when left out
#           --dry-run    say what holds them; change nothing
#           --scheduled  wait for the locks (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a store still holds them, or a defect, 2 usage or no such customer,
#         4 a run is under way, 75 a service did not answer: start it again
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[[ -n "${1:-}" && "$1" != --* ]] || die "the customer comes first; see --help"
ERASED_CUSTOMER="$1"
[[ "$1" != - ]] || IFS= read -r ERASED_CUSTOMER
export ERASED_CUSTOMER # not an argument: those are public, and logged by Spark
shift
exec "${SPARK_JOB[@]}" jobs/privacy/erase_customer.py "$@"
