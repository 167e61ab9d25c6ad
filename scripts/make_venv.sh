#!/usr/bin/env bash
# Makes the virtual environment .venv with Python 3.11 or newer, and says what to do
# when this machine has none.
# Usage:  scripts/make_venv.sh [PYTHON]
# Exit:   0 made, 2 no fitting Python
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ "${1:-}" == "--help" ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi

for python in ${1:+"$1"} python3 python3.14 python3.13 python3.12 python3.11; do
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
  "$python" -m venv --clear .venv && exit 0
  echo "error: $python cannot make a virtual environment; apt-get install python3-venv" >&2
  exit 2
done
echo "error: Python 3.11 or newer is needed; install it, or: make setup PYTHON=/path/to/python3" >&2
exit 2
