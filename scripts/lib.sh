# Sourced by every wrapper: the project's Python, --help, and how a job is started.
# After `source`, a wrapper ends in one of
#   exec "${SPARK_JOB[@]}"  jobs/<stage>/<job>.py "$@"    a job that needs Spark
#   exec "${PYTHON_JOB[@]}" jobs/<stage>/<job>.py "$@"    a job that needs none
#   exec "$PYTHON" -m <module> "$@"                       no job: services may be down
# shellcheck shell=bash disable=SC2034

# Says what is wrong, and ends with the code for usage errors.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

# Prints the comment that a script opens with.
show_header() {
  awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$1"
}

# Prints the Python of the checkout's virtual environment, else the one on PATH.
find_python() {
  if [[ -x "$PROJECT_ROOT/.venv/bin/python" ]]; then
    printf '%s\n' "$PROJECT_ROOT/.venv/bin/python"
  else
    command -v python3 || die "no Python was found; run: make setup"
  fi
}

if [[ "${1:-}" == "--help" || "${1:-}" == "-h" ]]; then
  show_header "$0"
  exit 0
fi

PROJECT_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
PYTHON="${WAREHOUSE_PYTHON:-$(find_python)}"
PYTHON_JOB=("$PYTHON" -m jobs.launch --no-spark)
SPARK_JOB=("$PYTHON" -m jobs.launch)

cd "$PROJECT_ROOT" || exit 1 # `.env` and a relative WAREHOUSE_HOME are looked up from here
export PYTHONPATH="$PROJECT_ROOT${PYTHONPATH:+:$PYTHONPATH}"
