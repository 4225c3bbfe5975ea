"""`python -m tests`: the live tests beside all others, since they mostly wait.

The live tests' output is shown when the others are done. With arguments, it is
plain pytest. Exit code: the first that is not 0.
"""

import subprocess
import sys
import tempfile

PYTEST = [sys.executable, "-m", "pytest"]


def main(arguments: list[str]) -> int:
    """Run both halves at once, or what the arguments ask for."""
    if arguments:
        return subprocess.call([*PYTEST, *arguments])
    with tempfile.TemporaryFile() as output:
        live = subprocess.Popen(
            [*PYTEST, "-p", "no:cacheprovider", "tests/live"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            others = subprocess.call([*PYTEST, "--ignore=tests/live", "tests"])
            code = live.wait()
        finally:
            # A Ctrl-C ends both: the live tests then stop their portal.
            live.terminate()
            live.wait()
        output.seek(0)
        sys.stdout.write("\n--- the live tests ---\n" + output.read().decode(errors="replace"))
    return others or code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
