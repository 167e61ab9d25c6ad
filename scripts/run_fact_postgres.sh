#!/usr/bin/env bash
# Loads bronze into gold: dimensions, then the fact, priced as of each line's day; lines that
# break a rule go to transactions_error. One Postgres transaction: all of it or nothing; nothing
# too when too much is malformed or a day is far out of its range (docs/checks.md).
# Usage:  scripts/run_fact_postgres.sh [--force [--from D] [--to D]] [--accept WHY] [--dry-run] [--scheduled]
#           --force      look at loaded lines again too, and put right what gold holds otherwise
#                        than bronze says: lines, errors, dimensions
#           --from, --to YYYY-MM-DD  only lines of these days, both inclusive; without them all, and
#                        lines that bronze does not have go. Refused without --force: gold
#                        always brings itself up to the whole of bronze
#           --accept     why what the breaker would hold back is published, in this run alone;
#                        kept with who and when in ops.breaker_trips
#           --dry-run    say what would be done; change nothing
#           --scheduled  wait for the lock (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect or a failed check (nothing was published), 2 usage, 3 the
#         breaker held the load back (nothing was published; the files stay pending),
#         4 already running, 75 a service did not answer: try again later
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/gold/postgres_load_fact.py "$@"
