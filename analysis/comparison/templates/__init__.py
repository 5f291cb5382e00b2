"""Pages from templates: an author's prose, with tables, figures and numbers of a comparison where it asks for them."""
