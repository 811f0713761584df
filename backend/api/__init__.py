"""The router's loopback port: the operator's desk over HTTP."""
