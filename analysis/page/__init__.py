"""A report as a value, and its way to HTML, Markdown, tables and figures."""
