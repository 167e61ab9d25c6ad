#!/usr/bin/env bash
# Removes a warehouse home: databases, lake, landing files, mail, logs, passwords.
# Usage:  scripts/run_reset.sh                       says what would go, and a checksum
#         scripts/run_reset.sh --confirm CHECKSUM    removes just that
# Exit:   0 done, 2 not a home or another checksum, 75 Postgres does not end
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "$PYTHON" -m jobs.reset "$@"
