"""What Newsreel answers over HTTP; imported only where it listens."""
