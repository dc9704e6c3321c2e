"""How the service is reached: over HTTP and from the command line."""
