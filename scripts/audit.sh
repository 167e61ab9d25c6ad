#!/usr/bin/env bash
# Looks the pinned Python packages up among known vulnerabilities, across the network.
# Usage:  scripts/audit.sh      after `make audit`, which brings pip-audit and calls this
#           PIP_AUDIT           the program (.audit/bin/pip-audit)
# Exit:   0 none is known, 1 some are, 2 there is no pip-audit,
#         75 the data were not reached, or lack a package
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "$PYTHON" -m jobs.audit
