#!/usr/bin/env bash
# Runs the whole chain in one Spark application: ingest_products, ingest_countries,
# ingest_transactions, fact_postgres, detect_anomalies, send_mail, dw.
# Usage:  scripts/run_pipeline.sh [--only JOB,…] [--from D] [--to D] [--force] [--accept WHY] [--dry-run] [--scheduled]
#           --only       these jobs of the chain, in its order
#           --from, --to YYYY-MM-DD  the ingestions take only files of these dates (in their names;
#                        of a transaction log, the start of its window), both inclusive. Gold
#                        always brings itself up to the whole of bronze
#           --force      lists replace those of their date; loaded lines (of these dates, else
#                        all) are looked at again, and gold is put right
#           --accept     why what the breaker would hold back is published, in this run alone
#           --dry-run    say what would be done; change nothing
#           --scheduled  wait for the lock (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect, 2 usage, 3 files were refused (everything good went through)
#         or a load was held back (nothing of it was published; docs/checks.md),
#         4 already running, 75 a service did not answer: try again later
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/pipeline.py "$@"
