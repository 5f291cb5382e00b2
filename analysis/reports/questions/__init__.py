"""The six questions that the report of a sweep answers: a file with a question's name makes a section.

Files that end in ``_blocks`` make what sections are made of, one idea each.
"""
