"""The operators' web console: server-rendered pages over the use cases that commands share."""
