#!/usr/bin/env bash
# Brings a backup back into an empty warehouse, there or elsewhere; sets it up first.
# Usage:  scripts/run_restore.sh DIRECTORY [--check]
#           DIRECTORY  what scripts/run_backup.sh made: a path, or a URI
#           --check    only see whether the backup is whole; change nothing but the set-up
# Exit:   0 done, 1 a defect, 2 the backup is damaged or the warehouse not empty,
#         75 a service did not answer
set -Eeuo pipefail
umask 077
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
"$PYTHON" -m jobs.setup
exec "${SPARK_JOB[@]}" jobs/backup/restore.py "$@"
