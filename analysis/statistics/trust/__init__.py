"""Whether a result can be relied on: what seeds, selection and the sizes of the parts do to it."""
