"""An hour of steady load: what grows, and what does not."""
