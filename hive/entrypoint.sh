#!/usr/bin/env bash
# Makes the metastore's schema when it isn't there, then becomes the metastore service.
# Usage:  hive/entrypoint.sh      settings: METASTORE_DB_*, METASTORE_PORT, LAKE_URI, SERVICE_*
# Exit:   2 a setting is wrong, 75 its database does not answer; else that of the service
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
"$PYTHON" -m cluster schema
exec "$PYTHON" -m cluster run metastore
