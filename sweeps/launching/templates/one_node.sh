#!/usr/bin/env bash
# {{ title }}
# Made by: {{ made_by }}
#
{% for line in submission %}
#   {{ line }}
{% endfor %}
#
# Two minutes before the time limit the driver keeps its work, and the job goes back into the queue; the next start
# resumes. It can be submitted again at any time, and ends at once where nothing is left to do.
{% include "directives.sh" %}
#SBATCH --signal=B:TERM@120
#SBATCH --requeue

set -uo pipefail

{% include "environment.sh" %}

{% if not in_process %}
# Ray's files lie in a short folder of the job's own, removed with it.
RAY_TMPDIR=$(mktemp -d "/tmp/acgkd-$SLURM_JOB_ID-XXXX") || exit 1
export RAY_TMPDIR
trap 'rm -rf "$RAY_TMPDIR"' EXIT

{% endif %}
driver='' asked=''
# The time limit is near: the driver is asked to end, and keeps its work.
trap 'asked=1; [ -z "$driver" ] || kill -TERM "$driver"' TERM

acgkd run {{ spec }} --out {{ folder }}{{ arguments }} &
driver=$!
wait "$driver"
code=$?
while [ "$code" -gt 128 ] && kill -0 "$driver" 2>/dev/null; do # `wait` returned for the signal
  wait "$driver"
  code=$?
done

{% include "requeue.sh" %}
