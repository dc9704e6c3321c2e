"""The API in OpenAPI 3.1, one module for each subject."""
