#!/usr/bin/env bash
# Runs SQL on gold and prints its rows: a line a row, tabs between, no header.
# Usage:  scripts/gold_sql.sh [--role owner|loader|analyst|reader] "SQL"
#         The role is reader unless given; `-` instead of SQL reads it from stdin.
# Exit:   0 done, 2 the SQL is wrong or not allowed, 75 Postgres does not answer
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "$PYTHON" -m jobs.gold_sql "$@"
