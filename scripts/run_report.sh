#!/usr/bin/env bash
# Writes what a build of the scheduler did: report.json (its runs), checks.xml (JUnit: a case
# a data check and a job's run) and summary.txt (one line). Starts no Spark.
# Usage:  scripts/run_report.sh --build TAG --out DIR    the runs that had WAREHOUSE_BUILD=TAG
#         scripts/run_report.sh --run N --out DIR        one run
# Exit:   0 written, also for a build without runs, 1 a defect, 2 usage, 75 Postgres did not answer
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${PYTHON_JOB[@]}" jobs/report.py "$@"
