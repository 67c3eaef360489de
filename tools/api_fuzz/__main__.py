# SPDX-License-Identifier: Apache-2.0
"""usage: tools/fuzz_api [SECONDS [SEED]]    (default 60, and a seed by chance)"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from api_fuzz import fuzz, served


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=int, nargs="?", default=60)
    parser.add_argument("seed", type=int, nargs="?", default=random.randrange(10**6))
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-api-") as name, served(Path(name)) as stack:
        done = fuzz(stack, wanted.seconds, wanted.seed, Path(name))
        print(done.stdout, done.stderr, sep="")
        is_alive = stack.status_code("/readyz") == 200
        crashes = stack.log.read_text(errors="replace").count("a part crashed")
    print(f"ready afterwards: {is_alive}; parts that crashed: {crashes}")
    return done.returncode or int(not is_alive or crashes > 0)


sys.exit(main())
