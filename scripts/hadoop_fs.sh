#!/usr/bin/env bash
# Hadoop's file system shell with the warehouse's settings: puts files into landing on HDFS, for
# example, where they appear whole under their name.
# Usage:  scripts/hadoop_fs.sh -ls hdfs://namenode:8020/landing
#         scripts/hadoop_fs.sh -put transactions_20111209T1200.csv hdfs://namenode:8020/landing/transactions/
# Exit:   0 done, 1 the file system refuses or does not answer, 2 usage
set -Eeuo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
exec "$PYTHON" -m embedded.hadoop "$@"
