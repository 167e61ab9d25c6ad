#!/usr/bin/env bash
# Lands files, runs the whole pipeline, shows the outcome. Without DATA the files are
# those of the seeded shop; with it, those of a real year (CSV, also .gz or .xz).
# Usage:  scripts/demo.sh [DATA] [COUNTRIES] [DAYS]      or: make demo DATA=… COUNTRIES=… DAYS=…
# Exit:   0 done, else that of the part that failed
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
data="${1:-}" countries="${2:-}" days=(${3:+--days "$3"})
umask 077

settings='from jobs.common.settings import load_settings'
landing="$("$PYTHON" -c "$settings; print(load_settings().landing.removeprefix('file://'))")"

if [[ -n "$data" ]]; then
  "$PYTHON" -m generators.replay --data "$data" --countries "$countries" \
    --landing "$landing" ${days[@]+"${days[@]}"}
else
  "$PYTHON" -m generators.shop --seed 7 --landing "$landing" \
    --truth "$landing/../truth.json" ${days[@]+"${days[@]}"}
fi
# The shop plants files that are refused (code 3); everything good goes through.
scripts/run_pipeline.sh || { code=$? && [[ "$code" == 3 ]] || exit "$code"; }
exec "$PYTHON" -m jobs.summary
