"""Functions that turn settings into objects of the container, one module for each subject."""
