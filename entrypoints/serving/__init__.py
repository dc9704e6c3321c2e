"""The server: the application of one process, the sockets, and the processes themselves."""
