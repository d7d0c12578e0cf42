"""What differs between tasks in a rehearsal: one file each, behind ``contract`` and ``registry``."""
