"""`python -m yieldopt` is the command line."""

from yieldopt.cli import main

if __name__ == "__main__":
    main()
