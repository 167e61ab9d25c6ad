#!/usr/bin/env bash
# Runs a wrapper as a stage of a Jenkins build, in the build's workspace. The build's parameters
# become its arguments; one that it does not take is refused, not passed over.
# Usage:  jenkins/stage.sh WRAPPER [ARGUMENT…]
#           FROM TO MONTH REOPEN AT CHECKSUM ACCEPT FORCE DRY_RUN RESCORE_ALL   the parameters
#           SCHEDULED=1                                                  the timer started the build
#           RETRY_SECONDS                                                before the next try (60)
# Files:  report/<wrapper>.log; for the pipeline notes/stage, notes/name and notes/refused
# Exit:   that of the wrapper: 75 after the third try, 0 instead of 3 (input refused or held back)
set -Eeuo pipefail
workspace="$PWD"
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
wrapper="${1:?which wrapper?}" arguments=("${@:2}") shown=()
rm -rf "$workspace/notes" "$workspace/report" # of the build before
mkdir "$workspace/notes" "$workspace/report"
echo "${STAGE_NAME:-$wrapper}" >"$workspace/notes/stage"
help="$("scripts/$wrapper" --help)"

# add OPTION [VALUE]: one more argument, when the wrapper's help has it.
add() {
  grep -qE "(^|[^[:alnum:]-])$1([^[:alnum:]-]|\$)" <<<"$help" ||
    die "$wrapper takes no $1: leave that parameter empty"
  shown+=("$1${2:+=$2}")
}

# masked: its input without the secrets that Jenkins bound, as in Jenkins' own console.
masked() {
  local line name secrets
  secrets="$(compgen -e | grep -E '_(PASSWORD|SECRET)$' || true)"
  while IFS= read -r line || [[ -n "$line" ]]; do
    for name in $secrets; do
      [[ -z "${!name}" ]] || line="${line//"${!name}"/****}"
    done
    printf '%s\n' "$line"
  done
}

for pair in FROM:from TO:to MONTH:month REOPEN:reopen AT:at CHECKSUM:confirm ACCEPT:accept; do
  value="${pair%:*}" && value="${!value:-}"
  [[ -z "$value" ]] || add "--${pair#*:}" "$value"
done
for pair in FORCE:force DRY_RUN:dry-run RESCORE_ALL:rescore-all; do
  value="${pair%:*}" && [[ "${!value:-}" != true ]] || add "--${pair#*:}"
done
[[ "${SCHEDULED:-0}" == 0 || "$help" != *--scheduled* ]] || add --scheduled
job="${wrapper#run_}" && job="${job%.sh}"
echo "#${BUILD_NUMBER:-0} $job ${shown[*]-}" >"$workspace/notes/name"

export WAREHOUSE_BUILD="${BUILD_TAG:-}"
for try in 1 2 3; do
  code=0
  "scripts/$wrapper" ${arguments[@]+"${arguments[@]}"} ${shown[@]+"${shown[@]}"} 2>&1 |
    masked | tee -a "$workspace/report/$job.log" || code=$?
  [[ "$code" == 75 && "$try" != 3 ]] || break
  echo "try $try: a service did not answer (exit code 75); the next one in ${RETRY_SECONDS:-60} s"
  sleep "${RETRY_SECONDS:-60}"
done
[[ "$code" == 3 ]] || exit "$code"
echo "$wrapper: input was refused or held back (exit code 3); the log says which, and what went through" >"$workspace/notes/refused"
