"""What is true of Veterans, sessions and sign-ins, whatever stores or serves them."""
