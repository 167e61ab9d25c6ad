#!/usr/bin/env bash
# Keeps gold, lake, metastore and landing as they are at one moment, in a new directory.
# It holds what customers bought, and the key that signs purchase tokens: keep it private.
# Usage:  scripts/run_backup.sh DIRECTORY [--scheduled]
#           DIRECTORY    a path, or a URI of any Hadoop file system; new or empty
#           --scheduled  wait for the locks (LOCK_WAIT_SECONDS), as scheduled runs do
# Exit:   0 done, 1 a defect, 2 usage, 4 a run is under way, 75 a service did not answer
set -Eeuo pipefail
umask 077
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "${SPARK_JOB[@]}" jobs/backup/make_backup.py "$@"
