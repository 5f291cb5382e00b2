"""Parts of methods that teach a student with samples."""
