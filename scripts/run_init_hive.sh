#!/usr/bin/env bash
# Makes the lake's Hive databases and Iceberg tables (hive/init_hive.sql) now, rather than with
# the first job that needs them. Harmless when they exist; files that an earlier lake left at
# their locations don't stop it.
# Usage:  scripts/run_init_hive.sh
# Exit:   0 they are there, 1 a defect, or tables whose files are gone, 2 usage,
#         75 a service did not answer: try again later
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/init_hive.py "$@"
