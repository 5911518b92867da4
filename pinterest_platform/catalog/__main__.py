"""`python -m pinterest_platform.catalog`: print the data dictionary."""

from pinterest_platform.catalog.dictionary import dictionary

if __name__ == "__main__":
    print(dictionary(), end="")
