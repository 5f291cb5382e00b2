# 75: Ray was lost. 130: interrupted, by the limit of time or by `acgkd stop`, of which the latter means it.
if [ "$code" = 75 ] || { [ "$code" = 130 ] && [ -n "$asked" ]; }; then
  # Nor does a job come back that was cancelled.
  if [ "$(squeue --jobs="$SLURM_JOB_ID" --noheader --format=%T)" = RUNNING ]; then
{% if not elastic and one_node and not in_process %}
    rm -rf "$RAY_TMPDIR" # Slurm ends this script by SIGKILL
{% endif %}
    scontrol requeue "$SLURM_JOB_ID" && exit "$code"
  fi
fi
{% if elastic %}
touch "$launch/ended" # nodes that wait for a head need not
{% endif %}
exit "$code"
