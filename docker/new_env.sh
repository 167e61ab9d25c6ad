#!/usr/bin/env bash
# Makes .env of .env.example: each password and secret that compose asks for is a new random one.
# Usage:  docker/new_env.sh [FILE]      FILE: .env of the project, unless given; mode 600
# Exit:   0 made, 2 it is there already
set -Eeuo pipefail
if [[ "${1:-}" == "--help" ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
fi
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
file="${1:-$root/.env}"
[[ ! -e "$file" ]] || { echo "error: $file is there already; nothing was changed" >&2 && exit 2; }

umask 077
while IFS= read -r line; do
  # Hex, so that nothing in it means something to compose, a shell or a URL.
  if [[ "$line" =~ ^[A-Z_]+_(PASSWORD|SECRET)=$ && "$line" != SMTP_PASSWORD=* ]]; then
    line+="$(head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
  fi
  printf '%s\n' "$line"
done <"$root/.env.example" >"$file.new"
exec mv "$file.new" "$file"
