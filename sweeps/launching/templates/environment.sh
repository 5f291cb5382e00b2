# The environment of the `acgkd` that wrote this script; every node must see it.
{% for line in environment %}
{{ line }}
{% endfor %}
cd {{ directory }} || exit 1 # where paths and code of your own are looked for
unset RAY_ADDRESS
