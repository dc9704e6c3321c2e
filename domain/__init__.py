"""The rules for Veterans, sessions and sign-ins, independent of storage and delivery."""
