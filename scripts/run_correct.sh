#!/usr/bin/env bash
# Corrects by hand, and keeps who did it, when and why. Lines follow through the load.
# Usage:  scripts/run_correct.sh country NAME COUNTRY_ID --why TEXT [--who NAME] [--dry-run]
#         scripts/run_correct.sh price STOCK_CODE PRICE --from DAY --to DAY --why TEXT [--who NAME]
#                                      [--dry-run]
#         scripts/run_correct.sh discard ERROR_ID|TRANSACTION_ID --why TEXT [--who NAME] [--dry-run]
#         scripts/run_correct.sh undo NUMBER --why TEXT [--who NAME] [--dry-run]
#         scripts/run_correct.sh list
#           country    lines that have this name are of this country of dim_countries
#           price      a product costs this from DAY to DAY, whatever the price lists say
#           discard    a line in error will never be right
#           undo       a correction, by its number in the list
#           --who      who says so; your log-in when left out
#           --dry-run  say what it would do; change nothing
# Exit:   0 done, 1 a defect, 2 usage, 3 kept, its load held back by the breaker, 4 already running, 75 a service did not answer
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
job=("${PYTHON_JOB[@]}")
case "${1:-}" in country | price | undo) job=("${SPARK_JOB[@]}") ;; esac
exec "${job[@]}" jobs/gold/correct.py "$@"
