#!/usr/bin/env bash
# Writes what a Jenkins build did, in its workspace: report/ as scripts/run_report.sh makes it.
# It never fails: without Postgres there is no report, and summary.txt says so.
# Usage:  jenkins/report.sh
# Exit:   0
set -Eeuo pipefail
workspace="$PWD"
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
mkdir -p "$workspace/notes" "$workspace/report"
code=0
scripts/run_report.sh --build "${BUILD_TAG:-}" --out "$workspace/report" || code=$?
cd "$workspace"
[[ -s notes/stage ]] || echo "${STAGE_NAME:-}" >notes/stage
[[ -s notes/name ]] || echo "#${BUILD_NUMBER:-0}" >notes/name
[[ -s report/summary.txt ]] || echo "no report: run_report.sh ended with code $code" >report/summary.txt
