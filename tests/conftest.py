# SPDX-License-Identifier: Apache-2.0
"""What holds for all tests."""

import gc
import signal

# Each test of the API makes an application of its own, garbage in cycles; looking through all modules again and again
# for it takes a quarter of the processor time of these tests.
gc.freeze()
gc.set_threshold(100_000, 50, 50)

# A shell that runs us in the background ignores SIGINT, and so would the programs that are tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
