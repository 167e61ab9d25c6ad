#!/usr/bin/env bash
# Lands files, runs the whole pipeline, shows the outcome. Without DATA the files are
# those of the seeded shop; with it, those of a real year (CSV, also .gz or .xz).
# Usage:  scripts/demo.sh [DATA] [COUNTRIES] [DAYS]      or: make demo DATA=… COUNTRIES=… DAYS=…
# Exit:   0 done (refused files are told), else that of the part that failed
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
data="${1:-}" countries="${2:-}" days=(${3:+--days "$3"})
umask 077

if [[ -n "$data" && -z "$countries" ]]; then
  countries="$(dirname "$data")/countries.csv"
  [[ -f "$countries" ]] || die "no countries master: name it with COUNTRIES=file, or put countries.csv beside $data"
fi

settings='from jobs.common.settings import load_settings'
landing="$("$PYTHON" -c "$settings; print(load_settings().landing.removeprefix('file://'))")"

if [[ -n "$data" ]]; then
  "$PYTHON" -m generators.replay --data "$data" --countries "$countries" \
    --landing "$landing" ${days[@]+"${days[@]}"}
else
  "$PYTHON" -m generators.shop --seed 7 --landing "$landing" \
    --truth "$landing/../truth.json" ${days[@]+"${days[@]}"}
fi
# Refused files (code 3) are told and set aside; everything good goes through.
scripts/run_pipeline.sh || { code=$? && [[ "$code" == 3 ]] || exit "$code"; }
exec "$PYTHON" -m jobs.summary
