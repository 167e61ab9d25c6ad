#!/usr/bin/env bash
# Makes everything that the jobs need, from nothing; harmless when it is there.
# Usage:  scripts/run_setup.sh [--dry-run]
# Exit:   0 done, 2 a setting or the machine is not fit, 75 a service does not come up
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "$PYTHON" -m jobs.setup "$@"
