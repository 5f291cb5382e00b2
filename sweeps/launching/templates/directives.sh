#
#SBATCH --job-name={{ job_name }}
#SBATCH --output={{ job_name }}-%{{ "A_%a" if array else "j" }}.log
#SBATCH --open-mode=append
{% for line in directives %}
#SBATCH {{ line }}
{% endfor %}
