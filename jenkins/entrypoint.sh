#!/usr/bin/env bash
# Starts the Jenkins controller: what casc.yaml cannot work out from .env is worked out here.
# Usage:  jenkins/entrypoint.sh [ARGUMENT…]     the arguments of the official image
#           JENKINS_LAUNCHER    what starts Jenkins (/usr/local/bin/jenkins.sh)
# Exit:   2 a setting is missing or wrong, else Jenkins' own
set -Eeuo pipefail

for name in JENKINS_ADMIN_USER JENKINS_ADMIN_PASSWORD JENKINS_AGENT_USER JENKINS_AGENT_PASSWORD \
  JENKINS_PUBLIC_URL SMTP_HOST SMTP_PORT MAIL_FROM MAIL_TO; do
  [[ -n "${!name:-}" ]] || { echo "error: $name is not set; see .env.example" >&2 && exit 2; }
done
for name in JENKINS_ADMIN_PASSWORD JENKINS_AGENT_PASSWORD; do # as jobs/common/guards.py has it
  word="${!name,,}"
  [[ ! "${word//[^a-z]/}" =~ ^(changeme|password|secret|example|sample|placeholder|yourpassword)$ ]] ||
    { echo "error: $name: a sample is no password" >&2 && exit 2; }
done
[[ "$JENKINS_ADMIN_USER" != "$JENKINS_AGENT_USER" ]] ||
  { echo "error: JENKINS_AGENT_USER must not be the administrator" >&2 && exit 2; }
case "${SMTP_SECURITY:-starttls}" in
none) JENKINS_SMTP_SSL=false JENKINS_SMTP_STARTTLS=false ;;
starttls) JENKINS_SMTP_SSL=false JENKINS_SMTP_STARTTLS=true ;;
tls) JENKINS_SMTP_SSL=true JENKINS_SMTP_STARTTLS=false ;;
*) echo "error: SMTP_SECURITY is none, starttls or tls, not '$SMTP_SECURITY'" >&2 && exit 2 ;;
esac
CASC_JENKINS_CONFIG=/opt/jenkins/casc.yaml
[[ -z "${SMTP_USER:-}" ]] || CASC_JENKINS_CONFIG+=,/opt/jenkins/smtp_login.yaml
JENKINS_MAIL_TO="${JENKINS_MAIL_TO:-$MAIL_TO}"
export CASC_JENKINS_CONFIG JENKINS_MAIL_TO JENKINS_SMTP_SSL JENKINS_SMTP_STARTTLS
exec "${JENKINS_LAUNCHER:-/usr/local/bin/jenkins.sh}" "$@"
