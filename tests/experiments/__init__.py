"""Scripts of experiments/, run as a person runs them."""
