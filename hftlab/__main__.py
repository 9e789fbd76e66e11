"""`python -m hftlab` is the command `hftlab`."""

from hftlab.cli import main

if __name__ == "__main__":
    main()
