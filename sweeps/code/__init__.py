"""One sweep, one code: whether the rows of a sweep were made with the settings and the code of today."""
