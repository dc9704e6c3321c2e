"""VA.gov, or any OpenID Provider, over HTTP."""
